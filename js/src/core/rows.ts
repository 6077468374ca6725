/** From the document to what the table and the head line say.  Pure. */

import type { CallRecord, Diagnosis, Document, Source, Span, Totals } from "../wire/report";
import { agree, shapeText, type Shape } from "./shape";

/** `inside`: it did not return because a call within it failed; `running`: the cell had not ended. */
export type Status = "ok" | "warning" | "failed" | "inside" | "running";

/** One line of the table.  A `*Text` is what is shown; sorting uses the numbers. */
export interface Row {
  index: number;
  call: CallRecord;
  depth: number;
  status: Status;
  line: number | null;
  /** `8`, or `In [1]:2` where that is not the cell that ran. */
  lineText: string;
  place: string;
  name: string;
  inputText: string;
  kernelText: string;
  stridesText: string;
  paddingText: string;
  expectedText: string;
  outputText: string;
  /** Of a call with others inside it and no figure of its own, theirs together. */
  params: number | null;
  /** Of one run. */
  macs: number | null;
  bytes: number | null;
  seconds: number | null;
  count: number;
  /** Its place in the tree; `treeOf` sets it. */
  id: string;
  parent: Row | null;
  inner: Row[];
  /** Of a loop its calls, and the figures are theirs together. */
  turns: Row[] | null;
  /** The worst status of the row and of all inside it. */
  worst: Status;
}

/** The rows in the order in which the calls were entered. */
export function rowsOf(document: Document): Row[] {
  const { calls, sources } = document.trace;
  const byIndex = new Map(calls.map((call) => [call.index, call]));
  const culprits = failingCalls(document);
  const warned = callsWith(document, "warning");
  const depths = new Map<number, number>();
  const rows = calls.map((call) => {
    const depth = call.parent !== null && byIndex.has(call.parent) ? (depths.get(call.parent) ?? 0) + 1 : 0;
    depths.set(call.index, depth);
    const status = document.running && call.outcome === "entered" ? "running" : statusOf(call, culprits, warned);
    return new CallRow(call, depth, status, sources);
  });
  addUp(rows);
  return rows;
}

/** Give each row without figures of its own those of the calls inside it; they come after it. */
function addUp(rows: readonly Row[]): void {
  const inner = innerRows(rows);
  for (const row of [...rows].reverse()) {
    const inside = inner.get(row.index);
    if (!inside) continue;
    row.params ??= sum(distinctLayers(inside), (each) => each.params);
    row.macs ??= sum(inside, (each) => (each.macs === null ? null : (each.macs * each.count) / row.count));
    row.seconds ??= sum(inside, (each) => each.seconds);
  }
}

/** What is known of the figures, added up; null where none is. */
function sum(rows: readonly Row[], figure: (row: Row) => number | null): number | null {
  return rows.reduce<number | null>((total, row) => {
    const value = figure(row);
    return value === null ? total : (total ?? 0) + value;
  }, null);
}

/** What the rows come to; `conv_magic/views/totals.py` says the same of rows that are not here. */
export function totalsOf(rows: readonly Row[]): Totals {
  const known = new Set(rows.map((row) => row.index));
  const outer = rows.filter(({ call }) => call.parent === null || !known.has(call.parent));
  const inner = innerRows(rows);
  return {
    rows: rows.length,
    calls: sum(rows, (row) => row.count) ?? 0,
    failed: rows.filter((row) => row.status === "failed").length,
    warnings: rows.filter((row) => row.status === "warning").length,
    params: sum(distinctLayers(outer), (row) => row.params) ?? 0,
    macs: sum(outer, (row) => (row.macs ?? 0) * row.count) ?? 0,
    output_bytes: sum(rows, (row) => (inner.has(row.index) ? 0 : row.bytes)) ?? 0,
    seconds: sum(outer, (row) => row.seconds) ?? 0,
  };
}

/** The rows inside each row, by its index. */
export function innerRows(rows: readonly Row[]): Map<number, Row[]> {
  const inner = new Map<number, Row[]>();
  for (const row of rows) {
    const { parent } = row.call;
    if (parent === null) continue;
    const siblings = inner.get(parent);
    if (siblings) siblings.push(row);
    else inner.set(parent, [row]);
  }
  return inner;
}

/** One sentence: the first fault, else the first warning, else that all is as the arithmetic says. */
export function verdictOf(document: Document, rows: readonly Row[]): { status: Status; text: string } {
  if (document.running) return { status: "running", text: runningText(document, rows) };
  const fault = document.diagnoses.find((diagnosis) => diagnosis.severity === "error");
  if (fault) return { status: "failed", text: placed(fault.headline, fault.span, document) };
  if (document.failure) {
    const { type, span } = document.failure;
    return { status: "failed", text: placed(`${type} ended the cell; none of the known faults explains it`, span, document) };
  }
  const warning = document.diagnoses.find((diagnosis) => diagnosis.severity === "warning");
  if (warning) return { status: "warning", text: placed(warning.headline, warning.span, document) };
  return { status: "ok", text: quietVerdict(rows) };
}

/** `running: 37 calls so far; fit is at epoch 3 of 10, step 12 of 100`. */
function runningText({ trace, training }: Document, rows: readonly Row[]): string {
  const calls = rows.reduce((sum, row) => sum + row.count, trace.dropped);
  const soFar = `running: ${calls.toLocaleString("en")} ${calls === 1 ? "call" : "calls"} so far`;
  if (!training) return soFar;
  const { op, epoch, epochs, step, steps } = training;
  const places = [place("epoch", epoch, epochs), place("step", step, steps)].filter((text) => text !== "");
  return `${soFar}; ${op} ${places.length > 0 ? `is at ${places.join(", ")}` : "has begun"}`;
}

const place = (word: string, at: number | null, most: number | null) =>
  at === null ? "" : `${word} ${at.toLocaleString("en")}${most === null ? "" : ` of ${most.toLocaleString("en")}`}`;

/** `line 3`, or `line 3 of In [2]` when that is not the cell that ran. */
export function placeText(span: Span, sources: readonly Source[]): string {
  const label = otherCell(span, sources);
  return label === null ? `line ${span.line}` : `line ${span.line} of ${label}`;
}

function lineText(span: Span, sources: readonly Source[]): string {
  const label = otherCell(span, sources);
  return label === null ? String(span.line) : `${label}:${span.line}`;
}

function otherCell(span: Span, sources: readonly Source[]): string | null {
  if (sources[0]?.cell === span.cell) return null;
  return sources.find((source) => source.cell === span.cell)?.label ?? "an older cell";
}

/** The diagnoses to show: those of the selected call, and those that belong to no call. */
export function diagnosesFor(document: Document, selected: number | null): Diagnosis[] {
  const chosen = document.diagnoses.filter(({ call }) => call === null || call === selected);
  return chosen.length > 0 || selected !== null ? chosen : document.diagnoses.slice(0, 1);
}

/** The row to open first: that of the first fault, else of the first warning. */
export function firstProblem(document: Document, rows: readonly Row[]): number | null {
  const first = document.diagnoses[0];
  if (first) return first.call;
  return rows.find((row) => row.status === "failed")?.index ?? null;
}

/** A function being traced: it stands beside the calls that it made, which tell more. */
const isTrace = ({ call }: Row) => call.tracing !== null && call.mode === "graph";

function quietVerdict(every: readonly Row[]): string {
  const rows = every.filter((row) => !isTrace(row));
  if (rows.length === 0) return "no layer or convolution was called";
  const checked = rows.filter((row) => row.call.expected && row.call.output).length;
  if (checked === rows.length) return "every call has the shape that the arithmetic expects";
  return checked > 0 ? `all calls ran; ${checked} of ${rows.length} rows were checked by arithmetic` : "all calls ran";
}

function placed(text: string, span: Span | null, document: Document): string {
  return span ? `${placeText(span, document.trace.sources)}: ${text}` : text;
}

/** Calls that failed, or never returned, of themselves; one that did so because one inside it failed is not among them. */
function failingCalls(document: Document): Set<number> {
  const failed = document.trace.calls.filter((call) => call.outcome !== "returned");
  const outer = new Set(failed.map((call) => call.parent));
  return new Set([...failed.filter((call) => !outer.has(call.index)).map((call) => call.index), ...callsWith(document, "error")]);
}

function callsWith(document: Document, severity: Diagnosis["severity"]): Set<number> {
  return new Set(document.diagnoses.flatMap((d) => (d.severity === severity && d.call !== null ? [d.call] : [])));
}

function statusOf(call: CallRecord, culprits: Set<number>, warned: Set<number>): Status {
  if (culprits.has(call.index)) return "failed";
  if (call.outcome !== "returned") return "inside";
  if (warned.has(call.index)) return "warning";
  return call.expected && call.output && !agree(call.expected, call.output) ? "warning" : "ok";
}

/** A call as a row; its texts are put together when they are asked for, of thousands of rows few are. */
class CallRow implements Row {
  readonly index: number;
  readonly line: number | null;
  readonly name: string;
  params: number | null;
  macs: number | null;
  readonly bytes: number | null;
  seconds: number | null;
  readonly count: number;
  readonly id: string;
  parent: Row | null = null;
  inner: Row[] = [];
  readonly turns = null;
  worst: Status;

  constructor(
    readonly call: CallRecord,
    readonly depth: number,
    readonly status: Status,
    private readonly sources: readonly Source[],
  ) {
    this.index = call.index;
    this.line = call.span?.line ?? null;
    this.name = call.layer ?? call.op;
    this.params = call.cost.params;
    this.macs = call.cost.macs;
    this.bytes = call.cost.output_bytes;
    this.seconds = call.cost.seconds;
    this.count = call.count;
    this.id = String(call.index);
    this.worst = status;
  }

  get lineText(): string {
    return this.call.span ? lineText(this.call.span, this.sources) : "";
  }

  get place(): string {
    return this.call.span ? placeText(this.call.span, this.sources) : "";
  }

  get inputText(): string {
    return this.call.inputs.map(shapeText).join("  ");
  }

  get kernelText(): string {
    return kernelText(this.call);
  }

  get stridesText(): string {
    const { options } = this.call;
    return options && "strides" in options ? shapeText(options.strides) : "";
  }

  get paddingText(): string {
    return paddingText(this.call);
  }

  get expectedText(): string {
    return this.call.expected ? shapeText(this.call.expected) : "";
  }

  get outputText(): string {
    return this.call.output ? shapeText(this.call.output) : "";
  }
}

function kernelText({ kernel, options }: CallRecord): string {
  if (kernel) return shapeText(kernel);
  return options && "pool_size" in options ? shapeText(options.pool_size) : "";
}

function paddingText({ options }: CallRecord): string {
  if (!options || !("padding" in options)) return "";
  const { padding } = options;
  return typeof padding === "string" ? padding : padding.map((pair) => shapeText(pair as Shape)).join(" ");
}

/** A shared layer has its parameters once, however often it is called, and so has a function called in a loop. */
function distinctLayers(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter(({ call: { layer, op, span } }) => {
    if (layer === null && !span) return true;
    const what = layer ?? [op, span!.cell, span!.line, span!.column].join("\n");
    const fresh = !seen.has(what);
    seen.add(what);
    return fresh;
  });
}
