/** Shapes written into the code as comments, `# shape: (B, 26, 26, 32)`, and taken out again: as changes of a text.  Pure. */

import type { Change } from "../core/fix";
import type { PlacedMark } from "./annotations";
import { codeLines } from "./code";

/** One shape of numbers, `_` and the batch's `B` only, as we write it. */
const SIZE = String.raw`(?:B|\d+|None|_)`;
const SHAPE = String.raw`\(\s*(?:${SIZE}(?:\s*,\s*${SIZE})*\s*,?\s*)?\)`;

/** A comment that states such shapes; one with other names is the author's own. */
const PIN = new RegExp(String.raw`^#\s*shape\s*:\s*${SHAPE}(?:\s*,\s*${SHAPE})*\s*$`);

/** From one `#` of a comment to the next. */
const PART = /\s*#[^#]*?(?=\s*(?:#|$))/g;

/** A comment that states shapes in any way. */
const CONTRACT = /^#\s*shape\s*:\s*\(/;

/**
 * Write the shapes of these lines behind them, where they are still what ran.
 *
 * A pin that says otherwise gives way; where the author states a shape in words of their own, nothing is written.
 */
export function pinsOf(marks: readonly PlacedMark[], text: string): Change[] {
  const stated = new Map(contractsIn(text).map((found) => [found.line, found]));
  const ends = lineEnds(text);
  return marks.flatMap(({ mark, line, freshness }) => {
    if (freshness !== "fresh" || mark.pin === null) return [];
    const insert = `  ${mark.pin}`;
    const end = ends[line - 1]!;
    const old = stated.get(line);
    if (!old) return [{ from: end, to: end, insert }];
    return old.pinned && old.text !== mark.pin ? [{ from: old.from, to: old.to, insert }] : [];
  });
}

/** Take the pins out of `text`. */
export function unpinned(text: string): Change[] {
  return pinsIn(text).map(({ from, to }) => ({ from, to, insert: "" }));
}

/** The comment of a line that states shapes, with the blanks before it in `[from, to)`. */
interface Contract {
  line: number;
  from: number;
  to: number;
  text: string;
  pinned: boolean;
}

/** Those that state nothing but what we would write. */
export const pinsIn = (text: string): Contract[] => contractsIn(text).filter(({ pinned }) => pinned);

function contractsIn(text: string): Contract[] {
  const ends = lineEnds(text);
  return codeLines(text).flatMap(({ code, comment }, i) => {
    if (comment === null || code === "") return [];
    const start = (i === 0 ? 0 : ends[i - 1]! + 1) + code.length;
    return [...text.slice(start, ends[i]).matchAll(PART)].flatMap(({ 0: part, index }) => {
      const words = part.trimStart();
      const from = start + index;
      return CONTRACT.test(words) ? [{ line: i + 1, from, to: from + part.length, text: words, pinned: PIN.test(words) }] : [];
    });
  });
}

/** The offset at which each line ends. */
function lineEnds(text: string): number[] {
  let end = -1;
  return text.split("\n").map((line) => (end += line.length + 1));
}
