/**
 * Making a fix: from the edits of a `Fix` to changes of a text.  Pure; knows no editor.
 *
 * Lines count from 1 and columns from 0 in UTF-16 code units, the unit of JavaScript strings, so no conversion
 * is needed here.
 */

import type { Document, Edit, Fix, Source, Span } from "../wire/report";

/** Replace `[from, to)` of a text by `insert`. */
export interface Change {
  from: number;
  to: number;
  insert: string;
}

/** The text to change is not the text that was analysed. */
export class StaleSource extends Error {
  override name = "StaleSource";
}

/** The offset of a place in `text`; a place past the end is the end. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let passed = 1; passed < line; passed++) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(start + column, text.length);
}

/** The source that `cell` (a key of spans and fixes) names. */
export function sourceOf(document: Document, cell: string): Source | undefined {
  return document.trace.sources.find((source) => source.cell === cell);
}

/** The text under a span, or null where the document does not hold it; each span is cut out once. */
export function codeOf(document: Document): (span: Span | null) => string | null {
  const texts = new Map(document.trace.sources.map((source) => [source.cell, source.text]));
  const known = new WeakMap<Span, string | null>();
  return (span) => {
    if (!span) return null;
    let found = known.get(span);
    if (found === undefined) {
      const text = texts.get(span.cell);
      const from = text === undefined ? 0 : offsetOf(text, span.line, span.column);
      found = text?.slice(from, offsetOf(text, span.end_line, span.end_column)) ?? null;
      known.set(span, found);
    }
    return found;
  };
}

/** Whether `text` is the text that `fix` was made for. */
export function isAnalysed(document: Document, fix: Fix, text: string): boolean {
  return sourceOf(document, fix.cell)?.text === text;
}

/** The smallest changes that make `fix`, in the order of the text.  Throws when two edits overlap. */
export function changesOf(text: string, fix: Fix): Change[] {
  const changes = fix.edits.map((edit) => changeOf(text, edit)).sort((a, b) => a.from - b.from || a.to - b.to);
  changes.forEach((change, i) => {
    if (change.from < (changes[i - 1]?.to ?? 0)) throw new Error("two edits overlap");
  });
  return changes.map((change) => trim(text, change)).filter((c) => c.from < c.to || c.insert !== "");
}

/** `text` with `changes` made; they refer to `text` as given and are in its order. */
export function splice(text: string, changes: readonly Change[]): string {
  let done = 0;
  const pieces = changes.map(({ from, to, insert }) => {
    const piece = text.slice(done, from) + insert;
    done = to;
    return piece;
  });
  return pieces.join("") + text.slice(done);
}

/** `text` with `fix` made.  Throws `StaleSource` unless `text` is the text that was analysed. */
export function applyFix(document: Document, fix: Fix, text: string): string {
  if (!isAnalysed(document, fix, text)) {
    throw new StaleSource("the source has changed since it was analysed; run the cell again");
  }
  return splice(text, changesOf(text, fix));
}

function changeOf(text: string, { span, text: insert }: Edit): Change {
  const from = offsetOf(text, span.line, span.column);
  return { from, to: offsetOf(text, span.end_line, span.end_column), insert };
}

/** The change without what it leaves as it is at both ends, so that cursors and undo see only what differs. */
function trim(text: string, { from, to, insert }: Change): Change {
  const old = text.slice(from, to);
  const head = commonPrefix(old, insert);
  const tail = commonSuffix(old.slice(head), insert.slice(head));
  return { from: from + head, to: to - tail, insert: insert.slice(head, insert.length - tail) };
}

/** How many code units `a` and `b` share at the start, never half a surrogate pair. */
export function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length > 0 && isHighSurrogate(a, length - 1) ? length - 1 : length;
}

/** How many code units `a` and `b` share at the end, never half a surrogate pair. */
export function commonSuffix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length > 0 && isLowSurrogate(a, a.length - length) ? length - 1 : length;
}

const isHighSurrogate = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xd800;
const isLowSurrogate = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
