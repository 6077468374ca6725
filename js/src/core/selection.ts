/**
 * One selection for all that show a run: two views of one output, and the shapes at the line ends.
 *
 * It goes through the page's document, since the table may come from the widget's bundle and the editor's shapes from
 * the extension's.
 */

import type { Document } from "../wire/report";

const SELECT = "conv-magic:select";

interface Selection {
  run: string;
  /** The selected call. */
  index: number;
  /** Bring its row into sight. */
  reveal: boolean;
}

/** Which run of which cell a document tells of; it stays the same while fixes are being tried. */
export function runOf({ trace: { sources } }: Document): string {
  const [ran] = sources;
  return ran ? `${ran.cell_id ?? ""} ${ran.digest}` : "";
}

/** Select a call of the run in whatever shows it. */
export function tellSelection(page: EventTarget, detail: Selection): void {
  page.dispatchEvent(new CustomEvent<Selection>(SELECT, { detail }));
}

/** Hear what is selected of a run elsewhere; returns what ends it. */
export function hearSelection(page: EventTarget, run: string, hear: (selection: Selection) => void): () => void {
  const listener = (event: Event) => {
    const { detail } = event as CustomEvent<Selection>;
    if (detail.run === run) hear(detail);
  };
  page.addEventListener(SELECT, listener);
  return () => page.removeEventListener(SELECT, listener);
}
