/** The columns of the table of calls: a new column is one entry here. */

import {
  columnFilteringFeature,
  columnVisibilityFeature,
  createColumnHelper,
  createFilteredRowModel,
  createSortedRowModel,
  rowSortingFeature,
  tableFeatures,
} from "@tanstack/preact-table";
import { exactText, figureText } from "../figures";
import type { CallRecord } from "../report";
import type { Row, Status } from "../rows";
import { agree, type Shape } from "../shape";
import { visible } from "../visible";
import { GLYPHS } from "./head";
import { ShapeText } from "./shapes";

export const features = tableFeatures({
  columnFilteringFeature,
  columnVisibilityFeature,
  rowSortingFeature,
  filteredRowModel: createFilteredRowModel(),
  sortedRowModel: createSortedRowModel(),
});

const column = createColumnHelper<typeof features, Row>();

/** What a call has not stands last, whichever way the column is sorted. */
const last = { sortUndefined: "last" } as const;

export const columns = column.columns([
  column.accessor((row) => row.line ?? undefined, {
    id: "line",
    header: "line",
    ...last,
    cell: ({ row }) => <span title={row.original.place}>{row.original.lineText}</span>,
  }),
  column.accessor("name", { header: "layer", cell: ({ row }) => <Name row={row.original} /> }),
  column.accessor("inputText", { header: "input", cell: ({ row }) => <Inputs row={row.original} /> }),
  column.accessor("kernelText", { header: "kernel" }),
  column.accessor("stridesText", { header: "strides" }),
  column.accessor("paddingText", { header: "padding" }),
  column.accessor((row) => size(row.call.expected), {
    id: "expected",
    ...last,
    header: "expected",
    cell: ({ row }) => <Expected row={row.original} />,
  }),
  column.accessor((row) => size(row.call.output), {
    id: "output",
    ...last,
    header: "output",
    cell: ({ row }) => <Output row={row.original} />,
  }),
  column.accessor((row) => row.params ?? undefined, {
    id: "params",
    ...last,
    header: "params",
    cell: ({ row }) => <Figure value={row.original.params} />,
  }),
  column.accessor((row) => row.macs ?? undefined, {
    id: "macs",
    ...last,
    header: "MACs",
    cell: ({ row }) => <Figure value={row.original.macs} />,
  }),
  column.accessor("count", { header: "×N", cell: ({ row }) => `×${row.original.count}` }),
  column.accessor("status", {
    header: "status",
    filterFn: (row, _column, wanted: readonly string[]) => wanted.includes(row.original.status),
    cell: ({ row }) => <StatusMark row={row.original} />,
  }),
]);

/** Columns that say nothing in any row are left out; those not named here always stay. */
export function visibleColumns(rows: readonly Row[]): Record<string, boolean> {
  const says: Record<string, (row: Row) => boolean> = {
    kernelText: (row) => row.kernelText !== "",
    stridesText: (row) => row.stridesText !== "",
    paddingText: (row) => row.paddingText !== "",
    expected: (row) => row.call.expected !== null,
    params: (row) => row.params !== null && row.params > 0,
    macs: (row) => row.macs !== null && row.macs > 0,
    count: (row) => row.count > 1,
  };
  return Object.fromEntries(Object.entries(says).map(([id, test]) => [id, rows.some(test)]));
}

/** Shapes are sorted by how many numbers they hold. */
const size = (shape: Shape | null) => shape?.reduce<number>((product, axis) => product * (axis ?? 1), 1);

function Name({ row }: { row: Row }) {
  const { call, depth, name } = row;
  return (
    <span class="convmagic-name" style={{ paddingInlineStart: `${depth * 1.25}em` }} title={visible(call.op)}>
      <bdi>{visible(name)}</bdi>
      {!tellsOp(call) && <bdi class="convmagic-op">{visible(call.op)}</bdi>}
    </span>
  );
}

/** Whether the name is the one that Keras gives by itself (`max_pooling2d_3` for a MaxPooling2D). */
function tellsOp({ layer, op }: CallRecord): boolean {
  const plain = (text: string) => text.replaceAll("_", "").toLowerCase();
  return layer === null || plain(layer.replace(/_\d+$/, "")) === plain(op);
}

function Inputs({ row }: { row: Row }) {
  return (
    <>
      {row.call.inputs.map((shape, i) => (
        <span key={i} class="convmagic-input">
          <ShapeText shape={shape} />
        </span>
      ))}
    </>
  );
}

function Expected({ row }: { row: Row }) {
  const { expected, output } = row.call;
  if (!expected) return null;
  const same = output !== null && agree(expected, output);
  return (
    <span class={same ? "convmagic-quiet" : ""}>
      <ShapeText shape={expected} />
    </span>
  );
}

function Output({ row }: { row: Row }) {
  const { expected, output } = row.call;
  if (!output) return <span class="convmagic-quiet">none</span>;
  return <ShapeText shape={output} marked={expected ? differing(expected, output) : undefined} />;
}

function differing(expected: Shape, output: Shape): Set<number> {
  const known = (a: number | null | undefined, b: number | null | undefined) => a !== null && b !== null;
  return new Set(output.flatMap((axis, i) => (known(expected[i], axis) && expected[i] !== axis ? [i] : [])));
}

function Figure({ value }: { value: number | null }) {
  return value === null ? null : <span title={exactText(value)}>{figureText(value)}</span>;
}

const WORDS: Record<Status, string> = { ok: "ok", warning: "warning", failed: "failed", inside: "failed inside", running: "running" };
const FAILED = { returned: "failed", raised: "failed", guarded: "guarded", entered: "not finished" };

function StatusMark({ row }: { row: Row }) {
  const word = row.status === "failed" ? FAILED[row.call.outcome] : WORDS[row.status];
  return (
    <span class="convmagic-status">
      <span aria-hidden="true">{GLYPHS[row.status]}</span> {word}
    </span>
  );
}
