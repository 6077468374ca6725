/** Rows as text for other programs.  Pure, but for `toClipboard`. */

/** A table of plain texts. */
export interface Sheet {
  titles: readonly string[];
  rows: readonly (readonly string[])[];
}

/**
 * Comma-separated values (https://www.rfc-editor.org/rfc/rfc4180).  A text that a spreadsheet would take for a formula
 * gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection): names come from anybody's notebook.
 */
export function csvOf({ titles, rows }: Sheet): string {
  return [titles, ...rows].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

const FORMULA = /^[=+@\t\r]|^-(?![\d.,]*$)/;

function csvCell(given: string): string {
  const text = FORMULA.test(given) ? `'${given}` : given;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table in GitHub's Markdown (https://github.github.com/gfm/#tables-extension-). */
export function markdownOf({ titles, rows }: Sheet): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownCell).join(" | ")} |\n`;
  return line(titles) + line(titles.map(() => "---")) + rows.map(line).join("");
}

/** Every character that Markdown or HTML would take for markup is escaped. */
const markdownCell = (text: string) =>
  text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|~]/g, (mark) => (mark === "<" ? "&lt;" : mark === ">" ? "&gt;" : `\\${mark}`));

/** Whether `text` is on the clipboard now; a page may forbid it. */
export async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
