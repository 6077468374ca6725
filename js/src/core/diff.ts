/** A fix as the lines of a unified diff, with the part of a line that differs marked. */

import { diffArrays, structuredPatch } from "diff";
import { commonPrefix, commonSuffix } from "./fix";

export interface Part {
  text: string;
  changed: boolean;
}

/** `before` and `after` count lines from 1; a `gap` stands for lines left out. */
export interface DiffLine {
  kind: "same" | "removed" | "added" | "gap";
  before: number | null;
  after: number | null;
  parts: Part[];
}

/** What changes from `before` to `after`, with `context` unchanged lines around each change. */
export function diffLines(before: string, after: string, context = 1): DiffLine[] {
  const { hunks } = structuredPatch("", "", before, after, undefined, undefined, { context });
  return hunks.flatMap((hunk, i) => {
    const gap: DiffLine[] = i > 0 ? [{ kind: "gap", before: null, after: null, parts: [] }] : [];
    return [...gap, ...numbered(hunk.lines, hunk.oldStart, hunk.newStart)];
  });
}

/**
 * For each line of `executed` the index of the line of `present` that it has become, or null.
 *
 * Equal lines are matched (longest common subsequence); between them, changed lines are paired in order where
 * both sides have the same number of them.  Else no answer, never a guess.
 */
export function alignLines(executed: readonly string[], present: readonly string[]): (number | null)[] {
  const places: (number | null)[] = [];
  let at = 0;
  let removed = 0;
  for (const part of diffArrays([...executed], [...present])) {
    if (part.removed) {
      removed = part.count;
      places.push(...Array<null>(part.count).fill(null));
      continue;
    }
    if (part.added && part.count === removed) {
      for (let k = 0; k < removed; k++) places[places.length - removed + k] = at + k;
    }
    if (!part.added) for (let k = 0; k < part.count; k++) places.push(at + k);
    removed = 0;
    at += part.count;
  }
  return places;
}

function numbered(lines: string[], before: number, after: number): DiffLine[] {
  const shown = lines.filter((line) => !line.startsWith("\\")); // "\ No newline at end of file"
  const result = shown.map((line): DiffLine => {
    const parts = [{ text: line.slice(1), changed: false }];
    if (line[0] === "-") return { kind: "removed", before: before++, after: null, parts };
    if (line[0] === "+") return { kind: "added", before: null, after: after++, parts };
    return { kind: "same", before: before++, after: after++, parts };
  });
  markDifferences(result);
  return result;
}

/** Where n removed lines are followed by n added ones, mark what differs within each pair. */
function markDifferences(lines: DiffLine[]): void {
  for (let start = 0; start < lines.length; start++) {
    const removed = run(lines, start, "removed");
    const added = run(lines, start + removed, "added");
    if (removed > 0 && removed === added) {
      for (let k = 0; k < removed; k++) markPair(lines[start + k]!, lines[start + removed + k]!);
    }
    start += Math.max(removed + added - 1, 0);
  }
}

function run(lines: DiffLine[], start: number, kind: DiffLine["kind"]): number {
  let length = 0;
  while (lines[start + length]?.kind === kind) length++;
  return length;
}

function markPair(removed: DiffLine, added: DiffLine): void {
  const [a, b] = [removed.parts[0]!.text, added.parts[0]!.text];
  const head = commonPrefix(a, b);
  const tail = commonSuffix(a.slice(head), b.slice(head));
  removed.parts = split(a, head, tail);
  added.parts = split(b, head, tail);
}

function split(text: string, head: number, tail: number): Part[] {
  const end = text.length - tail;
  return [
    { text: text.slice(0, head), changed: false },
    { text: text.slice(head, end), changed: true },
    { text: text.slice(end), changed: false },
  ].filter((part) => part.text !== "");
}
