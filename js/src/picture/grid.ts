/** The windows of a call drawn on its own input and output, to scale; as `conv_magic/views/picture_grid.py`. */

import { spanOf } from "../core/arithmetic";
import { type Axis, excessOf, lastOf, reads, startOf, unreadEnd } from "../core/geometry";
import { AxisDisplay, displays, ofWindows } from "./axisDisplay";
import { box, CHARACTER, type Ink, legend, line, marked, path, rect, type Rect, type Scene, text } from "./ink";

const [ROOM, STACKED_ROOM] = [190, 230];
export const STRIP_ROOM = 400;
export const NARROW_STRIP_ROOM = STACKED_ROOM + 40;
const [LEFT, TOP, BETWEEN, BELOW] = [34, 26, 62, 26];
const SLACK = 3;
const FLAT: Axis = { size: 1, before: 0, after: 0, kernel: 1, stride: 1, dilation: 1, windows: 1 };

export interface Captions {
  input: string;
  output: string;
  window: string;
}

export interface Look {
  written: boolean;
  stacked: boolean;
}

type Run = readonly [number, number];

/** Where a plane lies; the first axis goes down, the second to the right. */
export class Frame {
  constructor(
    readonly x: number,
    readonly y: number,
    readonly rows: AxisDisplay,
    readonly columns: AxisDisplay,
  ) {}

  /** The rectangle of these rows and columns, ends exclusive. */
  rect(role: string, rows: Run, columns: Run): Rect {
    const [top, bottom, left, right] = [this.rows.at(rows[0]), this.rows.at(rows[1]), this.columns.at(columns[0]), this.columns.at(columns[1])];
    return rect(role, this.x + left, this.y + top, right - left, bottom - top);
  }
}

/** A scene, and where its two sides lie: `large` is what the windows stand on. */
export interface Drawing extends Scene {
  planes: { large: Frame; small: Frame; rows: Axis; columns: Axis }[];
}

export function plane(axes: readonly Axis[], captions: Captions, { written, stacked }: Look): Drawing {
  const [rows, columns] = [axes[0]!, axes[1]!];
  const shown = displays(axes, stacked ? STACKED_ROOM : ROOM);
  const counts = axes.map((axis, i) => ofWindows(axis, shown[i]!));
  const [one, other] = written ? [counts, shown] : [shown, counts];
  const [rowsOne, columnsOne, rowsOther, columnsOther] = [one[0]!, one[1]!, other[0]!, other[1]!];
  const wide = [Math.max(columnsOne.length, captions.input.length * CHARACTER + 8), Math.max(columnsOther.length, captions.output.length * CHARACTER + 8)] as const;
  const high = Math.max(rowsOne.length, rowsOther.length);
  const top = (display: AxisDisplay) => TOP + (high - display.length) / 2;
  const first = new Frame(LEFT, stacked ? TOP : top(rowsOne), rowsOne, columnsOne);
  const second = stacked
    ? new Frame(LEFT, TOP + rowsOne.length + BELOW + TOP + 12, rowsOther, columnsOther)
    : new Frame(LEFT + wide[0] + BETWEEN, top(rowsOther), rowsOther, columnsOther);
  const width = stacked ? LEFT + Math.max(...wide) + LEFT : second.x + wide[1] + LEFT;
  const height = stacked ? second.y + rowsOther.length + BELOW : TOP + high + BELOW;
  const [large, small] = written ? [second, first] : [first, second];
  const fits = rows.windows > 0 && columns.windows > 0;
  const inks = [
    ...largeSide(large, rows, columns, written ? "output" : "input", written),
    ...smallSide(small, rows, columns, written ? "input" : "output"),
    ...(fits ? [windowLink(large, small, rows, columns, { written, stacked })] : []),
    text("caption", first.x, first.y + first.rows.length + 18, captions.input, "start"),
    ...(fits ? [text("caption", second.x, second.y + second.rows.length + 18, captions.output, "start")] : []),
  ];
  return { ...withLegend(inks, captions, written, width, height), planes: [{ large, small, rows, columns }] };
}

function largeSide(frame: Frame, rows: Axis, columns: Axis, role: string, written: boolean): Ink[] {
  const padded = [rows, columns].map((axis) => [0 - axis.before, axis.size + axis.after] as const);
  const [down, right] = [padded[0]!, padded[1]!];
  const whole = [rows, columns].map((axis) => [0, axis.size] as const);
  const inks: Ink[] = [];
  if ([rows, columns].some((axis) => axis.before !== 0 || axis.after !== 0)) inks.push(frame.rect(written ? "cut" : "pad", down, right));
  inks.push(frame.rect(role, whole[0]!, whole[1]!));
  if (rows.windows > 0 && columns.windows > 0) {
    for (const band of unreadBands(rows, frame.rows)) inks.push(...marked(frame.rect("lost", band, whole[1]!)));
    for (const band of unreadBands(columns, frame.columns)) inks.push(...marked(frame.rect("lost", whole[0]!, band)));
  }
  inks.push(grid(frame, down, right), ...breaks(frame), ...sizes(frame, rows, columns));
  const several = Math.max(rows.windows, columns.windows) > 1 && Math.min(rows.windows, columns.windows) > 0;
  if (several) inks.push(frame.rect("last", stretch(rows, lastOf(rows)), stretch(columns, lastOf(columns))));
  inks.push(frame.rect("window", stretch(rows, startOf(rows, 0)), stretch(columns, startOf(columns, 0))));
  if (Math.max(rows.dilation, columns.dilation) > 1) inks.push(path("tap", taps(frame, rows, columns, startOf(rows, 0), startOf(columns, 0))));
  return [...inks, ...excess(frame, rows, columns)];
}

const stretch = (axis: Axis, start: number): Run => [start, start + spanOf(axis)];

/** The drawn stretches of elements that no window reads; to scale only the one at the end. */
export function unreadBands(axis: Axis, display: AxisDisplay): Run[] {
  if (!display.cells) return unreadEnd(axis) ? [[axis.size - unreadEnd(axis), axis.size]] : [];
  const bands: [number, number][] = [];
  for (const place of display.drawn()) {
    if (place < 0 || place >= axis.size || reads(axis, place)) continue;
    const band = bands.at(-1);
    if (band && band[1] === place) band[1]++;
    else bands.push([place, place + 1]);
  }
  return bands;
}

function grid(frame: Frame, [top, bottom]: Run, [left, right]: Run): Ink {
  const [up, down] = [frame.y + frame.rows.at(top), frame.y + frame.rows.at(bottom)];
  const [start, end] = [frame.x + frame.columns.at(left), frame.x + frame.columns.at(right)];
  const inside = (display: AxisDisplay, from: number, to: number) => display.drawn().filter((place) => from < place && place < to).map((place) => display.at(place));
  const across = inside(frame.columns, left, right).map((x) => line(frame.x + x, up, frame.x + x, down));
  return path("grid", [...across, ...inside(frame.rows, top, bottom).map((y) => line(start, frame.y + y, end, frame.y + y))].join(""));
}

function breaks(frame: Frame): Ink[] {
  return [
    ...frame.columns.breaks().flatMap((x) => [rect("break", frame.x + x - 6, frame.y - 4, 12, frame.rows.length + 8), text("label", frame.x + x, frame.y - 8, "⋯")]),
    ...frame.rows.breaks().flatMap((y) => [rect("break", frame.x - 4, frame.y + y - 6, frame.columns.length + 8, 12), text("label", frame.x - 10, frame.y + y + 5, "⋮")]),
  ];
}

function sizes(frame: Frame, rows: Axis, columns: Axis): Ink[] {
  const middle = (display: AxisDisplay, start: number, end: number) => (display.at(start) + display.at(end)) / 2;
  const right = frame.columns.breaks().length > 0 ? -18 : 0;
  const down = frame.rows.breaks().length > 0 ? -16 : 4;
  return [
    text("size", frame.x + middle(frame.columns, 0, columns.size) + right, frame.y - 8, String(columns.size)),
    text("size", frame.x - 8, frame.y + middle(frame.rows, 0, rows.size) + down, String(rows.size), "end"),
    ...ends(columns).map(([amount, start, end]) => text("label", frame.x + middle(frame.columns, start, end), frame.y - 8, amount)),
    ...ends(rows).map(([amount, start, end]) => text("label", frame.x - 8, frame.y + middle(frame.rows, start, end) + 4, amount, "end")),
  ];
}

/** What padding adds, as text, and where. */
function ends({ size, before, after }: Axis): [string, number, number][] {
  const all: [number, number, number][] = [[before, 0 - before, 0], [after, size, size + after]];
  return all.filter(([amount]) => amount > 0).map(([amount, start, end]) => [`+${amount}`, start, end]);
}

/** The points that a dilated kernel reads where it starts at this row and column. */
export function taps(frame: Frame, rows: Axis, columns: Axis, row: number, column: number): string {
  let strokes = "";
  for (let i = 0; i < (frame.rows.cells ? rows.kernel : 0); i++) {
    for (let k = 0; k < (frame.columns.cells ? columns.kernel : 0); k++) {
      const [down, right] = [row + i * rows.dilation, column + k * columns.dilation];
      const made = frame.rect("tap", [down, down + 1], [right, right + 1]);
      strokes += box(made.x, made.y, made.width, made.height);
    }
  }
  return strokes;
}

function excess(frame: Frame, rows: Axis, columns: Axis): Ink[] {
  const [down, right] = [stretch(rows, startOf(rows, 0)), stretch(columns, startOf(columns, 0))];
  const inks: Ink[] = [];
  if (excessOf(rows)) inks.push(...marked(frame.rect("excess", [rows.size + rows.after, down[1]], right)));
  if (excessOf(columns)) inks.push(...marked(frame.rect("excess", [down[0], down[1] - excessOf(rows)], [columns.size + columns.after, right[1]])));
  return inks;
}

const ofCount = (axis: Axis): Axis => ({ ...FLAT, size: axis.windows, windows: axis.windows });

function smallSide(frame: Frame, rows: Axis, columns: Axis, role: string): Ink[] {
  if (rows.windows < 1 || columns.windows < 1) return [text("error", frame.x - 20, frame.y + 10, "nothing comes out", "start")];
  const [down, right]: [Run, Run] = [[0, rows.windows], [0, columns.windows]];
  const inks = [frame.rect(role, down, right), grid(frame, down, right), ...breaks(frame), ...sizes(frame, ofCount(rows), ofCount(columns))];
  if (rows.windows > 1 || columns.windows > 1) inks.push(frame.rect("last", [rows.windows - 1, rows.windows], [columns.windows - 1, columns.windows]));
  return [...inks, frame.rect("window", [0, 1], [0, 1])];
}

function windowLink(large: Frame, small: Frame, rows: Axis, columns: Axis, { written, stacked }: Look): Ink {
  const window = large.rect("", stretch(rows, startOf(rows, 0)), stretch(columns, startOf(columns, 0)));
  const cell = small.rect("", [0, 1], [0, 1]);
  return written ? links(cell, window, stacked) : links(window, cell, stacked);
}

/** From two corners of one rectangle to those of the other, which lies to its right or, `stacked`, below. */
export function links(start: Rect, end: Rect, stacked: boolean): Ink {
  if (stacked) {
    const y = start.y + start.height;
    return path("link", line(start.x, y, end.x, end.y) + line(start.x + start.width, y, end.x + end.width, end.y));
  }
  const x = start.x + start.width;
  return path("link", line(x, start.y, end.x, end.y) + line(x, start.y + start.height, end.x, end.y + end.height));
}

/** The inks of a call over one or three axes, each axis by itself. */
export function strips(axes: readonly Axis[], names: readonly string[], captions: Captions, written: boolean, room: number): Drawing {
  const shown = displays(axes, room);
  const planes: Drawing["planes"] = [];
  let y = 0;
  const inks = axes.flatMap((axis, i) => {
    const made = strip(axis, names[i]!, shown[i]!, y, written);
    y += 2 * displayHeight(shown[i]!) + 98;
    planes.push({ large: made.large, small: made.small, rows: FLAT, columns: axis });
    return made.inks;
  });
  inks.push(text("caption", 0, y + 8, `${captions.input} → ${captions.output}`, "start"));
  const said = (captions.input + captions.output).length * CHARACTER + 40;
  const width = Math.max(...shown.map((display) => display.length), said) + 8;
  return { ...withLegend(inks, captions, written, Math.max(width, room * 0.75), y + 22), planes };
}

const displayHeight = (display: AxisDisplay) => (display.cells ? Math.max(display.unit, 14) : 18);

function strip(axis: Axis, name: string, display: AxisDisplay, y: number, written: boolean) {
  const height = displayHeight(display);
  const counts = ofWindows(axis, display);
  const offset = Math.max((display.length - counts.length) / 2, 0);
  const tops = [y + 36, y + 36 + height + 40] as const;
  const [largeTop, smallTop] = written ? [tops[1], tops[0]] : tops;
  const one = new AxisDisplay([[0, 1]], height, true);
  const [large, small] = [new Frame(SLACK, largeTop, one, display), new Frame(SLACK + offset, smallTop, one, counts)];
  const said = written ? `${axis.windows} → ${axis.size}` : `${axis.size} → ${Math.max(axis.windows, 0)}`;
  const inks: Ink[] = [text("size", SLACK, y + 12, `${name} ${said}`, "start")];
  const side = largeSide(large, FLAT, axis, written ? "output" : "input", written);
  inks.push(...side.filter((ink) => ink.kind !== "text" || ink.role !== "size"));
  if (axis.windows < 1) {
    inks.push(text("error", SLACK, smallTop + 14, "nothing comes out", "start"));
    return { inks, large, small };
  }
  inks.push(small.rect(written ? "input" : "output", [0, 1], [0, axis.windows]), grid(small, [0, 1], [0, axis.windows]));
  if (counts.unit > display.unit) inks.push(text("label", small.x + counts.length + 8, small.y + 13, "drawn larger", "start"));
  inks.push(...counts.breaks().map((x) => rect("break", small.x + x - 6, small.y - 4, 12, height + 8)));
  const places: [string, number][] = axis.windows > 1 ? [["last", axis.windows - 1], ["window", 0]] : [["window", 0]];
  for (const [role, index] of places) {
    const cell = small.rect(role, [0, 1], [index, index + 1]);
    const window = large.rect("", [0, 1], stretch(axis, startOf(axis, index)));
    inks.push(cell, written ? links(cell, window, true) : links(window, cell, true));
  }
  return { inks, large, small };
}

/** The inks of a zero padding or cropping over one or two axes: what is added around, or cut from the input. */
export function resized(axes: readonly Axis[], captions: Captions): Drawing {
  const [rows, columns] = axes.length === 2 ? [axes[0]!, axes[1]!] : [FLAT, axes[0]!];
  const shown = displays(axes, STACKED_ROOM);
  const across = shown.at(-1)!;
  const frame = new Frame(LEFT, TOP, axes.length === 2 ? shown[0]! : new AxisDisplay([[0, 1]], Math.max(across.unit, 14), true), across);
  const outer = [rows, columns].map(({ size, before, after }) => [Math.min(0, 0 - before), Math.max(size, size + after)] as const);
  const inks: Ink[] = [];
  if (Math.min(rows.before, rows.after, columns.before, columns.after) >= 0) inks.push(frame.rect("pad", outer[0]!, outer[1]!));
  inks.push(frame.rect("input", [0, rows.size], [0, columns.size]));
  for (const axis of [rows, columns]) {
    for (const [start, end] of [[0, 0 - axis.before], [axis.size + axis.after, axis.size]] as const) {
      if (start >= end) continue;
      const band: Run = [Math.max(start, 0), Math.min(end, axis.size)];
      inks.push(...marked(axis === rows ? frame.rect("cut", band, [0, columns.size]) : frame.rect("cut", [0, rows.size], band)));
    }
  }
  inks.push(grid(frame, outer[0]!, outer[1]!), ...breaks(frame), ...sizes(frame, rows, columns));
  const y = TOP + frame.rows.length;
  inks.push(text("caption", LEFT, y + 18, `${captions.input} → ${captions.output}`, "start"));
  const width = LEFT + Math.max(frame.columns.length, (captions.input + captions.output).length * CHARACTER + 30) + LEFT;
  return { ...withLegend(inks, captions, false, width, y + BELOW), planes: [] };
}

function withLegend(inks: Ink[], captions: Captions, written: boolean, width: number, height: number): Scene {
  const roles = new Set(inks.map((ink) => ink.role));
  const meanings: [string, string][] = [
    ["window", captions.window],
    ["last", "last window"],
    ["pad", "padding"],
    ["cut", "cut away"],
    ["lost", written ? "never written" : "never read"],
    ["excess", "what does not fit"],
  ];
  const marks = legend(meanings.filter(([role]) => roles.has(role)), height + 6, width);
  const lowest = Math.max(height, ...marks.map((mark) => (mark.kind === "text" ? mark.y : 0)));
  return { width, height: lowest + 8, inks: [...inks, ...marks] };
}
