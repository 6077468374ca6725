/** The rows as a tree: calls inside the calls that made them, the turns of a loop inside one row.  Pure. */

import { exactText } from "./figures";
import type { Span } from "../wire/report";
import type { Row, Status } from "./rows";
import { agree, axisText, type Shape } from "./shape";

/** Calls of one place, one inside the other's call, from this number on are the turns of a loop. */
const LOOP = 4;

/** A loop in which something is wrong is unfolded at first, unless it has more turns. */
export const LONG_LOOP = 20;

/** Link the rows; the outermost ones, in the order in which the calls were entered. */
export function treeOf(rows: readonly Row[]): Row[] {
  const byIndex = new Map(rows.map((row) => [row.index, row]));
  const outer: Row[] = [];
  for (const row of rows) {
    row.inner = [];
    row.parent = (row.call.parent === null ? null : byIndex.get(row.call.parent)) ?? null;
    (row.parent?.inner ?? outer).push(row);
  }
  for (const row of [...rows].reverse()) {
    if (row.inner.length === 0) continue;
    row.inner = withLoops(row.inner, row);
    row.worst = worst([row.status, ...row.inner.map((inner) => inner.worst)]);
  }
  return withLoops(outer, null);
}

/** Every row of the tree, those inside a row after it. */
export function everyRow(tree: readonly Row[]): Row[] {
  return tree.flatMap((row) => [row, ...everyRow(row.inner)]);
}

/** The rows that are seen when only the rows that are `open` show what is inside them. */
export function unfolded<R extends { subRows: R[] }>(rows: readonly R[], isOpen: (row: R) => boolean): R[] {
  const seen: R[] = [];
  const visit = (row: R): void => {
    seen.push(row);
    if (row.subRows.length > 0 && isOpen(row)) row.subRows.forEach(visit);
  };
  rows.forEach(visit);
  return seen;
}

function withLoops(siblings: readonly Row[], parent: Row | null): Row[] {
  if (siblings.length < LOOP) return [...siblings];
  const places = new Map<string, Row[]>();
  for (const row of siblings) {
    const place = placeOf(row);
    const group = places.get(place);
    if (group) group.push(row);
    else places.set(place, [row]);
  }
  return [...places.values()].flatMap((group) => (group.length < LOOP ? group : [loopOf(group, parent)])).sort((a, b) => first(a) - first(b));
}

const first = (row: Row) => row.turns?.[0]!.index ?? row.index;

/** What calls of one loop share: operation, layer and place in the code. */
function placeOf({ call }: Row): string {
  const { span } = call;
  return span ? `${call.op}\n${call.layer ?? ""}\n${spelled(span)}` : `\n${call.index}`;
}

/** Thousands of calls share few spans, as objects too. */
const spans = new WeakMap<Span, string>();

function spelled(span: Span): string {
  let text = spans.get(span);
  if (text === undefined) {
    text = [span.cell, span.line, span.column, span.end_line, span.end_column].join("\n");
    spans.set(span, text);
  }
  return text;
}

const WORST: readonly Status[] = ["failed", "inside", "warning", "running", "ok"];

const worst = (statuses: readonly Status[]): Status => WORST.find((status) => statuses.includes(status))!;

function loopOf(turns: Row[], parent: Row | null): Row {
  const [head] = turns as [Row];
  const sum = (figure: (row: Row) => number | null) =>
    turns.some((row) => figure(row) !== null) ? turns.reduce((total, row) => total + (figure(row) ?? 0), 0) : null;
  const loop: Row = {
    call: head.call,
    depth: head.depth,
    line: head.line,
    lineText: head.lineText,
    place: head.place,
    name: head.name,
    id: `loop ${head.index}`,
    index: head.index,
    parent,
    inner: turns,
    turns,
    status: worst(turns.map((row) => row.status)),
    worst: worst(turns.map((row) => row.worst)),
    inputText: together(turns.map((row) => row.call.inputs)),
    kernelText: common(turns, (row) => row.kernelText),
    stridesText: common(turns, (row) => row.stridesText),
    paddingText: common(turns, (row) => row.paddingText),
    expectedText: rangeText(turns.map((row) => row.call.expected)),
    outputText: rangeText(turns.map((row) => row.call.output)),
    params: head.params,
    macs: sum((row) => (row.macs === null ? null : row.macs * row.count)),
    bytes: sum((row) => row.bytes),
    seconds: sum((row) => row.seconds),
    count: sum((row) => row.count)!,
  };
  for (const turn of turns) turn.parent = loop;
  return loop;
}

const common = (rows: readonly Row[], text: (row: Row) => string) =>
  rows.every((row) => text(row) === text(rows[0]!)) ? text(rows[0]!) : "varies";

/** The inputs of several calls, each input over all of them. */
function together(inputs: readonly (readonly Shape[])[]): string {
  const most = inputs.reduce((length, each) => Math.max(length, each.length), 0);
  return Array.from({ length: most }, (_, k) => rangeText(inputs.map((each) => each[k] ?? null))).join("  ");
}

/** `(1, 8..32, 8..32, 3)`; shapes of several ranks are only counted. */
export function rangeText(shapes: readonly (Shape | null)[]): string {
  const known = shapes.filter((shape) => shape !== null);
  const [head] = known;
  if (!head) return "";
  if (known.some((shape) => shape.length !== head.length)) return `${exactText(known.length)} shapes`;
  const axes = head.map((_, axis) => axisRange(known.map((shape) => shape[axis]!)));
  return axes.length === 1 ? `(${axes[0]},)` : `(${axes.join(", ")})`;
}

function axisRange(sizes: readonly (number | null)[]): string {
  let [low, high] = [Infinity, -Infinity];
  for (const size of sizes) {
    if (size === null) return axisText(null);
    if (size < low) low = size;
    if (size > high) high = size;
  }
  return low === high ? String(low) : `${low}..${high}`;
}

/** Whether the arithmetic and what came agree in every call of the row. */
export const agrees = (row: Row): boolean =>
  (row.turns ?? [row]).every(({ call }) => !call.expected || !call.output || agree(call.expected, call.output));
