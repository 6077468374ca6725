/** Channels as slabs, axes as boxes; as `conv_magic/views/picture_blocks.py`. */

import { CELLS } from "./axisDisplay";
import { CHARACTER, hatching, type Ink, line, path, rect, type Scene, text } from "./ink";

const [SLAB_HEIGHT, DEPTH, SLAB_ROOM, LARGEST_SLAB] = [34, 8, 300, 26];
const [BOX_WIDTH, BOX_HEIGHT, BOX_GAP] = [74, 26, 6];

/** `count` channels side by side, those from `fitting` on marked; `group` many belong together (0: no groups). */
export interface SlabRow {
  label: string;
  count: number;
  fitting: number;
  group?: number;
}

export type BoxState = "same" | "differs" | "missing";
export interface BoxRow {
  label: string;
  boxes: [string, BoxState][];
}

export function slabs(rows: readonly SlabRow[], remark: string): Scene {
  const most = Math.max(...rows.map((row) => row.count), 1);
  const unit = Math.min(SLAB_ROOM / most, LARGEST_SLAB);
  const step = SLAB_HEIGHT + DEPTH + 34;
  const y = rows.length * step;
  const inks = [...rows.flatMap((row, i) => slabRow(row, unit, i * step)), text("error", 1, y + 4, remark, "start")];
  const longest = Math.max(remark.length, ...rows.map((row) => row.label.length)) * CHARACTER;
  return { width: Math.max(most * unit + DEPTH, longest) + 12, height: y + 12, inks };
}

function slabRow({ label, count, fitting, group = 0 }: SlabRow, unit: number, y: number): Ink[] {
  const [top, fit, width] = [y + 18 + DEPTH, fitting * unit, count * unit];
  const inks: Ink[] = [text("size", 1, y + 12, label, "start")];
  if (fitting) inks.push(rect("input", 1, top, fit, SLAB_HEIGHT));
  if (count > fitting) {
    inks.push(rect("excess", 1 + fit, top, width - fit, SLAB_HEIGHT), path("excess-hatch", hatching(1 + fit, top, width - fit, SLAB_HEIGHT)));
  }
  const inner = count <= CELLS ? Array.from({ length: count - 1 }, (_, i) => i + 1) : [];
  const fronts = inner.map((i) => line(1 + i * unit, top, 1 + i * unit, top + SLAB_HEIGHT));
  const edges = [0, ...inner, count].map((i) => line(1 + i * unit, top, 1 + i * unit + DEPTH, top - DEPTH));
  const right = 1 + DEPTH + width;
  const outline = [
    line(1 + DEPTH, top - DEPTH, right, top - DEPTH),
    line(right, top - DEPTH, right, top - DEPTH + SLAB_HEIGHT),
    line(1 + width, top + SLAB_HEIGHT, right, top - DEPTH + SLAB_HEIGHT),
  ];
  inks.push(path("grid", fronts.join("")), path("edge", [...edges, ...outline].join("")));
  if (group) {
    const marks: number[] = [];
    for (let i = group; i < count && marks.length < CELLS; i += group) marks.push(1 + i * unit);
    inks.push(path("group", marks.map((x) => line(x, top - DEPTH, x, top + SLAB_HEIGHT + 6)).join("")));
  }
  return inks;
}

const ROLES = { same: "input", differs: "excess", missing: "missing" };

export function boxes(names: readonly string[], rows: readonly BoxRow[]): Scene {
  const left = Math.max(...rows.map((row) => row.label.length)) * CHARACTER + 14;
  const columns = Math.max(...rows.map((row) => row.boxes.length));
  const x = (place: number) => left + place * (BOX_WIDTH + BOX_GAP);
  const y = (number: number) => 20 + number * (BOX_HEIGHT + BOX_GAP);
  const inks: Ink[] = [
    ...names.map((name, place) => text("label", x(place) + BOX_WIDTH / 2, 12, name)),
    ...rows.flatMap((row, number) => [
      text("label", left - 10, y(number) + 17, row.label, "end"),
      ...row.boxes.flatMap(([value, state], place) => [
        rect(ROLES[state], x(place), y(number), BOX_WIDTH, BOX_HEIGHT),
        text(state === "same" ? "label" : "error", x(place) + BOX_WIDTH / 2, y(number) + 17, value),
      ]),
    ]),
  ];
  return { width: x(columns) + 4, height: y(rows.length) + 2, inks };
}
