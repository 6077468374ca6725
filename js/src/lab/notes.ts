/**
 * What stands at the lines of one cell, and where it stands after edits.  Pure: CodeMirror's text and change
 * types only, no view, no JupyterLab.
 */

import type { ChangeSet, Line, Text } from "@codemirror/state";
import { alignLines } from "../core/diff";
import type { CallRecord, Diagnosis, Document, LineNote, Span } from "../wire/report";

export type LineStatus = "ok" | "warning" | "failed" | "origin";

/** All that one document says about one line. */
export interface LineMark {
  /** From 1, in the text that was executed; where its statement ends. */
  line: number;
  /** Where its statement begins. */
  from: number;
  text: string;
  /** The same with what went in: `input -> output`. */
  flow: string;
  /** The comment that states its shape, if it has one value to state. */
  pin: string | null;
  status: LineStatus;
  /** The calls whose shapes these are, by their index. */
  calls: readonly number[];
  /** The stretch of the line that a diagnosis is about: columns in UTF-16 units. */
  underline: readonly [number, number] | null;
  /** What fails or warns on this line. */
  diagnoses: readonly Diagnosis[];
  /** What fails or warns elsewhere, by a number that comes from this line. */
  originOf: readonly Diagnosis[];
}

/** A mark at its place in the present text; `gone` keeps the place of a deleted line, so that undo brings it back. */
export interface Anchor {
  mark: LineMark;
  /** The line's text as it was executed. */
  executed: string;
  /** An offset on the line. */
  at: number;
  gone: boolean;
}

const EMPTY = { text: "", flow: "", pin: null, status: "ok", calls: [], underline: null, diagnoses: [], originOf: [] } as const;
const RANK: Record<LineStatus, number> = { ok: 0, origin: 1, warning: 2, failed: 3 };

/** The marks of the source `cell` (a key of spans), by line. */
export function marksOf(document: Document, cell: string): LineMark[] {
  const text = document.trace.sources.find((source) => source.cell === cell)?.text ?? "";
  const lines = text.split("\n");
  const marks = new Map<number, LineMark>();
  const change = (line: number, change: (mark: LineMark) => Partial<LineMark>) => {
    const mark = marks.get(line) ?? { ...EMPTY, line, from: line };
    marks.set(line, { ...mark, ...change(mark) });
  };
  const calls = new Map(document.trace.calls.map((call) => [call.index, call]));
  for (const note of document.notes.filter((candidate) => candidate.cell === cell)) {
    const from = Math.min(note.line, ...note.calls.map((index) => startOf(calls.get(index), note)));
    const { text, flow, pin, calls: indices } = note;
    change(note.line, (mark) => ({ from, text, flow: flow || text, pin, calls: indices, status: worse(mark.status, note.status) }));
    const diagnosis = note.diagnosis === null ? undefined : document.diagnoses[note.diagnosis];
    if (diagnosis && note.status !== "origin") change(note.line, (mark) => withDiagnosis(mark, diagnosis));
  }
  for (const diagnosis of document.diagnoses) {
    for (const [line, underline] of stretches(diagnosis.span, cell, lines)) {
      change(line, (mark) => ({ ...withDiagnosis(mark, diagnosis), underline, status: worse(mark.status, statusOf(diagnosis)) }));
    }
    const { origin } = diagnosis;
    if (origin?.cell === cell) {
      change(origin.end_line, (mark) => ({
        originOf: [...mark.originOf, diagnosis],
        status: worse(mark.status, "origin"),
      }));
    }
  }
  return [...marks.values()].filter((mark) => mark.line >= 1 && mark.line <= lines.length).sort((a, b) => a.line - b.line);
}

/** The call that a mark is about: the one at fault, else the last one of the line, whose shape the line ends with. */
export const callOf = ({ diagnoses, calls, originOf }: LineMark): number | null =>
  diagnoses.find(({ call }) => call !== null)?.call ?? calls.at(-1) ?? originOf[0]?.call ?? null;

/** Where the marks of an executed text stand in the present one, found by comparing lines. */
export function placeMarks(marks: readonly LineMark[], executed: string, present: Text): Anchor[] {
  const lines = executed.split("\n");
  const places = alignLines(lines, present.toJSON());
  return marks.map((mark) => {
    const place = places[mark.line - 1] ?? null;
    const at = place === null ? 0 : present.line(place + 1).from;
    return { mark, executed: lines[mark.line - 1] ?? "", at, gone: place === null };
  });
}

/**
 * The anchors after an edit.
 *
 * A mark is gone when the edit takes its line away together with a line break beside it and puts nothing there;
 * where it puts another text there (a formatter, a moved line), the mark follows its line into that text.
 */
export function mapAnchors(anchors: readonly Anchor[], changes: ChangeSet, before: Text, after: Text): Anchor[] {
  const edits = editsOf(changes);
  const first = before.lineAt(edits[0]?.fromA ?? before.length).from;
  const last = before.lineAt(edits.at(-1)?.toA ?? 0).to;
  const longer = after.length - before.length;
  const moved = anchors.map((anchor) => {
    if (anchor.at < first) return anchor;
    return anchor.at > last ? { ...anchor, at: anchor.at + longer } : mapAnchor(anchor, changes, edits, before, after);
  });
  return moved.map((anchor, i) => (anchor.gone ? revived(anchor, edits, after, moved, !anchors[i]!.gone) : anchor));
}

/** The line to show the mark at; null if it was taken away, or is blank. */
export function shownLine(anchor: Anchor, present: Text): Line | null {
  const line = anchor.gone ? null : present.lineAt(anchor.at);
  return line && /\S/.test(line.text) ? line : null;
}

interface TextEdit {
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
}

function editsOf(changes: ChangeSet): TextEdit[] {
  const edits: TextEdit[] = [];
  changes.iterChanges((fromA, toA, fromB, toB) => edits.push({ fromA, toA, fromB, toB }));
  return edits;
}

function mapAnchor(anchor: Anchor, changes: ChangeSet, edits: TextEdit[], before: Text, after: Text): Anchor {
  const at = changes.mapPos(anchor.at, 1);
  if (anchor.gone) return { ...anchor, at };
  const line = before.lineAt(anchor.at);
  const cover = edits.find(({ fromA, toA }) => fromA <= line.from && toA >= line.to && (fromA < line.from || toA > line.to));
  if (!cover) return { ...anchor, at: changes.mapPos(line.from, 1) };
  const { fromA, toA, fromB, toB } = cover;
  if (fromB === toB) return { ...anchor, at, gone: true };
  const [first, start] = [before.lineAt(fromA), after.lineAt(fromB)];
  const old = before.sliceString(first.from, before.lineAt(toA).to).split("\n");
  const fresh = after.sliceString(start.from, after.lineAt(toB).to).split("\n");
  const place = alignLines(old, fresh)[line.number - first.number] ?? null;
  return place === null ? { ...anchor, at, gone: true } : { ...anchor, at: after.line(start.number + place).from };
}

/** A deleted line that is put back: by the same edit anywhere (a moved line), later only at its old place (undo). */
function revived(anchor: Anchor, edits: TextEdit[], after: Text, others: readonly Anchor[], anywhere: boolean): Anchor {
  for (const { fromB, toB } of edits) {
    if (fromB === toB || !(anywhere || (fromB <= anchor.at && anchor.at <= toB))) continue;
    const last = after.lineAt(toB).number;
    for (let number = after.lineAt(fromB).number; number <= last; number++) {
      const line = after.line(number);
      const taken = others.some((other) => !other.gone && other.at >= line.from && other.at <= line.to);
      if (line.text === anchor.executed && !taken) return { ...anchor, at: line.from, gone: false };
    }
  }
  return anchor;
}

/** The line on which a note's call begins: where it is called, or made if a library calls it. */
function startOf(call: CallRecord | undefined, note: LineNote): number {
  const span = call?.direct ? call.span : call?.created;
  return span?.cell === note.cell ? Math.min(span.line, note.line) : note.line;
}

const statusOf = ({ severity }: Diagnosis): LineStatus => (severity === "error" ? "failed" : severity === "warning" ? "warning" : "ok");
const worse = (a: LineStatus, b: LineStatus): LineStatus => (RANK[a] >= RANK[b] ? a : b);

function withDiagnosis(mark: LineMark, diagnosis: Diagnosis): LineMark {
  return mark.diagnoses.includes(diagnosis) ? mark : { ...mark, diagnoses: [...mark.diagnoses, diagnosis] };
}

/** The stretch of `span` on each of its lines, without the indentation. */
function stretches(span: Span | null, cell: string, lines: readonly string[]): [number, [number, number]][] {
  if (span?.cell !== cell) return [];
  const found: [number, [number, number]][] = [];
  for (let line = span.line; line <= Math.min(span.end_line, lines.length); line++) {
    const text = lines[line - 1]!;
    const from = line === span.line ? span.column : text.length - text.trimStart().length;
    const to = line === span.end_line ? span.end_column : text.length;
    if (from < to) found.push([line, [from, to]]);
  }
  return found;
}
