/** Which rows a person looks for: words in the name, the operation, the code or a shape, and the status.  Pure. */

import { codeOf } from "./fix";
import type { Document } from "../wire/report";
import type { Row, Status } from "./rows";

/** What the choice of a status lets through. */
export const STATUS_CHOICES: Readonly<Record<string, { title: string; statuses: readonly Status[] }>> = {
  all: { title: "every status", statuses: [] },
  problems: { title: "problems", statuses: ["failed", "inside", "warning"] },
  failed: { title: "failed", statuses: ["failed", "inside"] },
  warning: { title: "warnings", statuses: ["warning"] },
  ok: { title: "ok", statuses: ["ok"] },
};

/** Whether a row holds every word of `text`, in any case and order; a row's words are put together once. */
export function finder(document: Document): (row: Row, text: string) => boolean {
  const texts = new WeakMap<Row, string>();
  const code = codeOf(document);
  const textOf = (row: Row): string => {
    let found = texts.get(row);
    if (found === undefined) {
      const { call } = row;
      const parts = [row.name, call.op, row.inputText, row.kernelText, row.outputText, row.paddingText, code(call.span) ?? ""];
      texts.set(row, (found = parts.join("\n").toLowerCase()));
    }
    return found;
  };
  return (row, text) => wordsOf(text).every((word) => textOf(row).includes(word));
}

/** The words to look for; a shape in brackets is one word, blanks and all. */
export function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/\([^()]*\)?|[^\s()]+\)?/g) ?? []).map((word) => word.trim());
}
