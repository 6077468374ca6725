/**
 * What stands at the lines of one cell, and where it stands after edits.  Pure: CodeMirror's text and change
 * types only, no view, no JupyterLab.
 */

import type { ChangeSet, Text } from "@codemirror/state";
import { alignLines } from "../diff";
import type { Diagnosis, Document, Span } from "../report";

export type LineStatus = "ok" | "warning" | "failed" | "origin";

/** All that one document says about one line. */
export interface LineMark {
  /** From 1, in the text that was executed. */
  line: number;
  text: string;
  status: LineStatus;
  /** The stretch of the line that a diagnosis is about: columns in UTF-16 units. */
  underline: readonly [number, number] | null;
  /** The number that differs comes from this line; why, in words. */
  originNote: string | null;
  diagnoses: readonly Diagnosis[];
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

const RANK: Record<LineStatus, number> = { ok: 0, origin: 1, warning: 2, failed: 3 };

/** The marks of the source `cell` (a key of spans), by line. */
export function marksOf(document: Document, cell: string): LineMark[] {
  const text = document.trace.sources.find((source) => source.cell === cell)?.text ?? "";
  const lines = text.split("\n");
  const marks = new Map<number, LineMark>();
  const change = (line: number, change: (mark: LineMark) => Partial<LineMark>) => {
    const mark = marks.get(line) ?? { line, text: "", status: "ok", underline: null, originNote: null, diagnoses: [] };
    marks.set(line, { ...mark, ...change(mark) });
  };
  for (const note of document.notes.filter((candidate) => candidate.cell === cell)) {
    change(note.line, (mark) => ({ text: joined(mark.text, note.text), status: worse(mark.status, note.status) }));
    const diagnosis = note.diagnosis === null ? undefined : document.diagnoses[note.diagnosis];
    if (diagnosis && note.status !== "origin") change(note.line, (mark) => withDiagnosis(mark, diagnosis));
  }
  for (const diagnosis of document.diagnoses) {
    for (const [line, underline] of stretches(diagnosis.span, cell, lines)) {
      change(line, (mark) => ({ ...withDiagnosis(mark, diagnosis), underline, status: worse(mark.status, statusOf(diagnosis)) }));
    }
    const { origin } = diagnosis;
    if (origin?.cell === cell) {
      change(origin.line, (mark) => ({
        originNote: diagnosis.origin_note ?? diagnosis.headline,
        status: worse(mark.status, "origin"),
      }));
    }
  }
  return [...marks.values()].filter((mark) => mark.line >= 1 && mark.line <= lines.length).sort((a, b) => a.line - b.line);
}

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
  const moved = anchors.map((anchor) => mapAnchor(anchor, changes, edits, before, after));
  return moved.map((anchor, i) => (anchor.gone ? revived(anchor, edits, after, moved, !anchors[i]!.gone) : anchor));
}

/** Whether the line has another text than the one that was executed. */
export function isStale(anchor: Anchor, present: Text): boolean {
  return present.lineAt(anchor.at).text !== anchor.executed;
}

/** Whether there is a line to show the mark at: it was not taken away, and is not blank. */
export function isShown(anchor: Anchor, present: Text): boolean {
  return !anchor.gone && present.lineAt(anchor.at).text.trim() !== "";
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

const statusOf = ({ severity }: Diagnosis): LineStatus => (severity === "error" ? "failed" : severity === "warning" ? "warning" : "ok");
const worse = (a: LineStatus, b: LineStatus): LineStatus => (RANK[a] >= RANK[b] ? a : b);
const joined = (a: string, b: string) => (a === "" || a === b ? b : b === "" ? a : `${a}  ${b}`);

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
