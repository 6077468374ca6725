/** Shapes written into the code as comments, `# shape: (B, 26, 26, 32)`, and taken out again: as changes of a text.  Pure. */

import type { Change } from "../fix";
import type { PlacedMark } from "./annotations";
import { codeLines } from "./code";

/** One shape of numbers, `_` and the batch's `B` only, as we write it. */
const SIZE = String.raw`(?:B|\d+|None|_)`;
const SHAPE = String.raw`\(\s*(?:${SIZE}(?:\s*,\s*${SIZE})*\s*,?\s*)?\)`;

/** A comment that states such shapes; one with other names is the author's own. */
const PIN = new RegExp(String.raw`^#\s*shape\s*:\s*${SHAPE}(?:\s*,\s*${SHAPE})*\s*$`);

/** From one `#` of a comment to the next. */
const PART = /\s*#[^#]*?(?=\s*(?:#|$))/g;

/** Write the shapes of these lines behind them, where they are still what ran; a pin that no longer holds gives way. */
export function pinsOf(marks: readonly PlacedMark[], text: string): Change[] {
  const pinned = new Map(pinsIn(text).map((found) => [found.line, found]));
  const ends = lineEnds(text);
  return marks.flatMap(({ mark, line, freshness }) => {
    if (freshness !== "fresh" || mark.pin === null) return [];
    const old = pinned.get(line);
    const to = ends[line - 1]!;
    return [old ? { from: old.from, to: old.to, insert: `  ${mark.pin}` } : { from: to, to, insert: `  ${mark.pin}` }];
  });
}

/** Take the pins out of `text`. */
export function unpinned(text: string): Change[] {
  return pinsIn(text).map(({ from, to }) => ({ from, to, insert: "" }));
}

/** The pins of `text`, each with the blanks before it. */
export function pinsIn(text: string): { line: number; from: number; to: number }[] {
  const ends = lineEnds(text);
  return codeLines(text).flatMap(({ code, comment }, i) => {
    if (comment === null || code === "") return [];
    const start = i === 0 ? 0 : ends[i - 1]! + 1;
    const rest = text.slice(start + code.length, ends[i]);
    return [...rest.matchAll(PART)].flatMap(({ 0: part, index }) => {
      const from = start + code.length + index;
      return PIN.test(part.trimStart()) ? [{ line: i + 1, from, to: from + part.length }] : [];
    });
  });
}

/** The offset at which each line ends. */
function lineEnds(text: string): number[] {
  let end = -1;
  return text.split("\n").map((line) => (end += line.length + 1));
}
