/** A cell's Python text without its comments, line by line: what has to be the same for its shapes to hold.  Pure. */

/** One line: its code without comment and trailing blanks, and the column at which its comment begins. */
export interface CodeLine {
  code: string;
  comment: number | null;
}

/**
 * Strings and comments in the order of the text, whatever the string's prefix: a backslash keeps a quote from
 * ending a raw string too.
 * https://docs.python.org/3/reference/lexical_analysis.html#string-and-bytes-literals
 */
const TOKENS = /"""(?:\\[^]|[^\\])*?(?:"""|$)|'''(?:\\[^]|[^\\])*?(?:'''|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|#[^\n]*/g;

/** Our own first line: its options change no shape. */
const MAGIC = /^%%convshapes\b.*/;

export function codeLines(text: string): CodeLine[] {
  const comments = commentsOf(text);
  let start = 0;
  return text.split("\n").map((line) => {
    const comment = comments.get(start) ?? null;
    start += line.length + 1;
    const code = (comment === null ? line : line.slice(0, comment)).trimEnd();
    return { code: code.replace(MAGIC, ""), comment };
  });
}

/** The columns of the comments, by the offset at which their line begins. */
function commentsOf(text: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (token[0] !== "#") continue;
    const start = text.lastIndexOf("\n", index) + 1;
    found.set(start, index - start);
  }
  return found;
}

/** How a line's shapes relate to the text now: true, doubtful because something above changed, or of another line. */
export type Freshness = "fresh" | "suspect" | "stale";

/** Compares the executed text with the present one. */
export class Comparison {
  private readonly present: readonly string[];
  /** From this line on, counted from 1, the cell is not what ran. */
  readonly firstChange: number;

  constructor(
    private readonly executed: readonly string[],
    present: string,
  ) {
    this.present = codeLines(present).map(({ code }) => code);
    this.firstChange = firstChange(executed, this.present);
  }

  /** The present code of a line, counted from 1. */
  codeAt(line: number): string {
    return this.present[line - 1] ?? "";
  }

  /** Of the statement that ran on the lines `from` to `line` and now ends on the line `now`. */
  of(statement: { from: number; line: number }, now: number): Freshness {
    if (!this.holds(statement, now)) return "stale";
    return now >= this.firstChange ? "suspect" : "fresh";
  }

  private holds({ from, line }: { from: number; line: number }, now: number): boolean {
    const { executed, present } = this;
    if (executed[line - 1] !== present[now - 1]) return false;
    for (let [ran, is] = [line, now]; ran >= from; ran--, is--) {
      while (ran >= from && !executed[ran - 1]) ran--;
      while (is >= 1 && !present[is - 1]) is--;
      if (ran >= from && executed[ran - 1] !== present[is - 1]) return false;
    }
    return true;
  }
}

/** The code of a text's lines, to compare others with. */
export const codeOf = (text: string): string[] => codeLines(text).map(({ code }) => code);

/** The first line of `present` with other code than ran there; blank lines and comments are none. */
function firstChange(executed: readonly string[], present: readonly string[]): number {
  let ran = 0;
  for (const [i, code] of present.entries()) {
    if (code === "") continue;
    while (executed[ran] === "") ran++;
    if (executed[ran++] !== code) return i + 1;
  }
  return Infinity;
}
