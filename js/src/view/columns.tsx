/** The columns of the table of calls: a new column is one entry here.  Names and meanings are those of the frame. */

import {
  columnFilteringFeature,
  columnVisibilityFeature,
  createColumnHelper,
  createFilteredRowModel,
  createSortedRowModel,
  rowSortingFeature,
  tableFeatures,
} from "@tanstack/preact-table";
import type { ComponentChildren } from "preact";
import { bytesText, exactText, figureText, secondsText } from "../core/figures";
import { finder } from "../core/find";
import { codeOf } from "../core/fix";
import type { CallRecord, Document, Span } from "../wire/report";
import type { Row, Status } from "../core/rows";
import { type Shape, shapeText } from "../core/shape";
import { agrees } from "../core/tree";
import { visible } from "../core/visible";
import { Expected, Inputs, inputsBrief, Line, Name, Output, StatusMark, statusText, tellsOp } from "./cells";

export const features = tableFeatures({
  columnFilteringFeature,
  columnVisibilityFeature,
  rowSortingFeature,
  filteredRowModel: createFilteredRowModel(),
  sortedRowModel: createSortedRowModel(),
});

/** One column.  `text` is what it says in full, for a copy; `brief` what is shown; `order` what it is sorted by. */
export interface Column {
  id: string;
  title: string;
  meaning: string;
  text: (row: Row) => string;
  brief?: (row: Row) => string;
  cell?: (row: Row, inTable: { folded: boolean; onReveal: (span: Span) => void }) => ComponentChildren;
  order?: (row: Row) => number | null | undefined;
  numeric?: true;
  /** A bar tells each row's share of the largest figure. */
  bar?: true;
  /** Shown at first only where some row says this; without it, only when chosen. */
  atFirst?: (row: Row) => boolean;
}

const always = () => true;
const written = (figure: number | null | undefined) => (figure == null ? "" : String(figure));

/** Shapes are sorted by how many numbers they hold. */
const size = (shape: Shape | null | undefined) => shape?.reduce<number>((product, axis) => product * (axis ?? 1), 1);

/** What the options of the call hold under a name, as a text. */
function option({ options }: CallRecord, name: string): string {
  const value: unknown = options && name in options ? options[name as keyof typeof options] : null;
  if (value === null) return "";
  if (!Array.isArray(value)) return String(value);
  return value.length > 0 ? shapeText(value as Shape) : "";
}

/** Whether the options hold a number other than 1 under a name. */
function isNotOne({ options }: CallRecord, name: "dilation_rate" | "groups"): boolean {
  const value: unknown = options && name in options ? options[name as keyof typeof options] : 1;
  return Array.isArray(value) ? value.some((step) => step !== 1) : value !== 1;
}

export function columnsOf(document: Document): Column[] {
  const code = codeOf(document);
  const diagnosed = new Map(document.diagnoses.map((diagnosis) => [diagnosis.call, diagnosis]).reverse() as [number, Document["diagnoses"][number]][]);
  const figure = (of: (row: Row) => number | null, brief: (figure: number) => string) => ({
    text: (row: Row) => written(of(row)),
    brief: (row: Row) => (of(row) === null ? "" : brief(of(row)!)),
    order: of,
    numeric: true as const,
  });
  return [
    { id: "call", title: "call", meaning: "number of the call, in the order in which calls were entered", ...figure((row) => row.index, String) },
    {
      id: "line",
      title: "line",
      meaning: "line of the call, in the cell that it is written in; a click or Enter shows it",
      text: (row) => row.lineText,
      cell: (row, { onReveal }) => <Line row={row} onReveal={onReveal} />,
      order: (row) => row.line,
      numeric: true,
      atFirst: always,
    },
    { id: "code", title: "code", meaning: "text of the call", text: (row) => code(row.call.span) ?? "" },
    {
      id: "layer",
      title: "layer",
      meaning: "the layer's own name, or the function's",
      text: (row) => row.name,
      cell: (row) => <Name row={row} />,
      atFirst: always,
    },
    { id: "op", title: "operation", meaning: "the layer's class or the function's name", text: (row) => row.call.op },
    { id: "parent", title: "inside", meaning: "number of the call inside which this one ran", ...figure((row) => row.call.parent, String) },
    { id: "replica", title: "replica", meaning: "number of the replica that made the call", ...figure((row) => row.call.replica, String), atFirst: (row) => row.call.replica !== null },
    { id: "mode", title: "mode", meaning: "eager (on values), graph (while a tf.function was traced) or symbolic", text: (row) => row.call.mode },
    {
      id: "input_shape",
      title: "input",
      meaning: "shape of each input",
      text: (row) => row.inputText,
      brief: inputsBrief,
      order: (row) => size(row.call.inputs[0]),
      cell: (row) => <Inputs row={row} />,
      atFirst: always,
    },
    {
      id: "output_shape",
      title: "output",
      meaning: "shape that came",
      text: (row) => row.outputText,
      order: (row) => size(row.call.output),
      cell: (row) => <Output row={row} />,
      atFirst: always,
    },
    {
      id: "expected_shape",
      title: "expected",
      meaning: "shape that the arithmetic predicts",
      text: (row) => row.expectedText,
      order: (row) => size(row.call.expected),
      cell: (row) => <Expected row={row} />,
      atFirst: (row) => row.expectedText !== "" && (row.outputText === "" || !agrees(row)),
    },
    { id: "kernel_shape", title: "kernel", meaning: "shape of the kernel, weights or window", text: (row) => row.kernelText, atFirst: (row) => row.kernelText !== "" },
    { id: "strides", title: "strides", meaning: "steps of the window along each axis", text: (row) => row.stridesText, atFirst: (row) => row.stridesText !== "" },
    { id: "padding", title: "padding", meaning: "same, valid, causal, or (before, after) along each axis", text: (row) => row.paddingText, atFirst: (row) => row.paddingText !== "" },
    { id: "dilation_rate", title: "dilation", meaning: "steps between the kernel's own points", text: (row) => option(row.call, "dilation_rate"), atFirst: (row) => isNotOne(row.call, "dilation_rate") },
    { id: "groups", title: "groups", meaning: "number of groups that the channels are convolved in", text: (row) => option(row.call, "groups"), numeric: true, atFirst: (row) => isNotOne(row.call, "groups") },
    { id: "data_format", title: "format", meaning: "channels_last or channels_first", text: (row) => option(row.call, "data_format"), atFirst: ({ call: { options } }) => options !== null && "data_format" in options && options.data_format === "channels_first" },
    { id: "dtype", title: "dtype", meaning: "type of the numbers", text: (row) => row.call.dtype ?? "" },
    { id: "params", title: "params", meaning: "numbers that the layer learns or keeps", ...figure((row) => row.params, figureText), bar: true, atFirst: (row) => (row.params ?? 0) > 0 },
    { id: "macs", title: "MACs", meaning: "multiply-accumulate operations of one run; of a loop, of all its runs", ...figure((row) => row.macs, figureText), bar: true, atFirst: (row) => (row.macs ?? 0) > 0 },
    {
      id: "receptive_field",
      title: "field",
      meaning: "how many input positions one output position sees",
      text: ({ call }) => (call.cost.receptive_field ? shapeText(call.cost.receptive_field) : ""),
      order: ({ call }) => size(call.cost.receptive_field),
    },
    { id: "output_bytes", title: "memory", meaning: "size of the output", ...figure((row) => row.bytes, bytesText), bar: true },
    { id: "count", title: "×N", meaning: "how many calls this row stands for", ...figure((row) => row.count, (count) => `×${exactText(count)}`), atFirst: (row) => row.count > 1 },
    { id: "seconds", title: "time", meaning: "time of all calls of this row together", ...figure((row) => row.seconds, secondsText), bar: true },
    { id: "diagnosis", title: "diagnosis", meaning: "what is wrong, by its code", text: (row) => diagnosed.get(row.index)?.code ?? "" },
    { id: "fix", title: "fix", meaning: "the first fix", text: (row) => diagnosed.get(row.index)?.fixes[0]?.title ?? "" },
    {
      id: "status",
      title: "status",
      meaning: "ok, warning, failed, guarded (stopped before TensorFlow ran it)",
      text: statusText,
      cell: (row, { folded }) => <StatusMark row={row} folded={folded} />,
      atFirst: always,
    },
  ];
}

/** Of each column whether it is shown at first: where it says something in some row. */
export function shownAtFirst(columns: readonly Column[], rows: readonly Row[]): Record<string, boolean> {
  return Object.fromEntries(columns.map(({ id, atFirst }) => [id, atFirst !== undefined && (atFirst === always || rows.some(atFirst))]));
}

const helper = createColumnHelper<typeof features, Row>();

/** The columns as the table library takes them; two of them carry the filters. */
export function libraryColumns(document: Document, columns: readonly Column[]) {
  const find = finder(document);
  const filters: Record<string, (row: Row & { turns: unknown }, wanted: never) => boolean> = {
    layer: (row, text: string) => !row.turns && find(row, text),
    status: (row, statuses: readonly Status[]) => !row.turns && statuses.includes(row.status),
  };
  return columns.map(({ id, text, order }) => {
    const filter = filters[id];
    return helper.accessor((row): unknown => (order ? order(row) : text(row)) ?? undefined, {
      id,
      sortUndefined: "last", // what a call has not stands last, whichever way the column is sorted
      ...(filter && { filterFn: (row: { original: Row }, _: string, wanted: unknown) => filter(row.original, wanted as never) }),
    });
  });
}

/** How many letters each column needs, by its rows; of very many rows only some are looked at. */
export function lettersOf(column: Column, rows: readonly Row[]): number {
  const step = Math.ceil(rows.length / SAMPLE);
  let most = column.title.length + 2; // the arrow of the sorted column
  for (let i = 0; i < rows.length; i += step) {
    const row = rows[i]!;
    const text = (column.brief ?? column.text)(row);
    const more = column.id === "layer" ? lettersBeside(row) : column.id === "status" ? 4 : 0;
    most = Math.max(most, Math.min(text.length + more, MOST_LETTERS));
  }
  return most;
}

/** The letters around the name: the depth, the operation, the number of turns. */
const lettersBeside = ({ depth, call, turns }: Row) => 2 * depth + 2 + (tellsOp(call) ? 0 : call.op.length + 1) + (turns ? 12 : 0);

const SAMPLE = 300;
const MOST_LETTERS = 38;

/** What is said when the mouse rests on a cell: all of it. */
export const hintOf = (column: Column, row: Row): string => visible(column.numeric && column.order ? exactHint(column, row) : column.text(row));

function exactHint(column: Column, row: Row): string {
  if (column.id === "line") return row.place;
  const figure = column.order!(row);
  return figure == null ? "" : exactText(figure);
}
