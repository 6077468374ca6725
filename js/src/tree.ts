/** The rows as a tree: calls inside the calls that made them, the turns of a loop inside one row.  Pure. */

import { exactText } from "./figures";
import type { Row, Status } from "./rows";
import { agree, axisText, type Shape } from "./shape";

/** One line of the table with those inside it.  Of a loop `turns` are its calls, and the figures are theirs together. */
export interface TreeRow extends Row {
  id: string;
  parent: TreeRow | null;
  inner: TreeRow[];
  turns: TreeRow[] | null;
  /** The worst status of the row and of all inside it. */
  worst: Status;
}

/** Calls of one place, one inside the other's call, from this number on are the turns of a loop. */
const LOOP = 4;

/** A loop of more turns is folded until somebody unfolds it. */
export const LONG_LOOP = 20;

/** The outermost rows, in the order in which the calls were entered. */
export function treeOf(rows: readonly Row[]): TreeRow[] {
  const nodes = rows.map((row): TreeRow => ({ ...row, id: String(row.index), parent: null, inner: [], turns: null, worst: row.status }));
  const byIndex = new Map(nodes.map((node) => [node.index, node]));
  const outer: TreeRow[] = [];
  for (const node of nodes) {
    const parent = node.call.parent === null ? undefined : byIndex.get(node.call.parent);
    node.parent = parent ?? null;
    (parent?.inner ?? outer).push(node);
  }
  for (const node of [...nodes].reverse()) {
    if (node.inner.length === 0) continue;
    node.inner = withLoops(node.inner, node);
    node.worst = worst([node.status, ...node.inner.map((row) => row.worst)]);
  }
  return withLoops(outer, null);
}

/** Every row of the tree, those inside a row after it. */
export function everyRow(tree: readonly TreeRow[]): TreeRow[] {
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

function withLoops(siblings: readonly TreeRow[], parent: TreeRow | null): TreeRow[] {
  if (siblings.length < LOOP) return [...siblings];
  const places = new Map<string, TreeRow[]>();
  for (const row of siblings) {
    const place = placeOf(row);
    const group = places.get(place);
    if (group) group.push(row);
    else places.set(place, [row]);
  }
  return [...places.values()].flatMap((group) => (group.length < LOOP ? group : [loopOf(group, parent)])).sort((a, b) => first(a) - first(b));
}

const first = (row: TreeRow) => row.turns?.[0]!.index ?? row.index;

/** What calls of one loop share: operation, layer and place in the code. */
function placeOf({ call }: TreeRow): string {
  const { span } = call;
  return span ? [call.op, call.layer ?? "", span.cell, span.line, span.column, span.end_line, span.end_column].join("\n") : `\n${call.index}`;
}

const WORST: readonly Status[] = ["failed", "inside", "warning", "ok"];

const worst = (statuses: readonly Status[]): Status => WORST.find((status) => statuses.includes(status))!;

function loopOf(turns: TreeRow[], parent: TreeRow | null): TreeRow {
  const [head] = turns as [TreeRow];
  const sum = (figure: (row: TreeRow) => number | null) =>
    turns.some((row) => figure(row) !== null) ? turns.reduce((total, row) => total + (figure(row) ?? 0), 0) : null;
  const loop: TreeRow = {
    ...head,
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

const common = (rows: readonly TreeRow[], text: (row: TreeRow) => string) =>
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
export const agrees = (row: TreeRow): boolean =>
  (row.turns ?? [row]).every(({ call }) => !call.expected || !call.output || agree(call.expected, call.output));
