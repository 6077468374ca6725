/** The keys of the table, as in any tree grid (https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/), and whose a key is. */

const STEPS: Readonly<Record<string, (at: number, last: number, page: number) => number>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at, _, page) => at + page,
  PageUp: (at, _, page) => at - page,
  Home: () => 0,
  End: (_, last) => last,
  " ": (at) => at,
};

/** The row that a key leads to from the row `at`; null for a key that leads nowhere. */
export function rowByKey(key: string, at: number, count: number, page: number): number | null {
  const step = STEPS[key];
  return step && count > 0 ? Math.min(Math.max(step(at, count - 1, page), 0), count - 1) : null;
}

/** Whether a key pressed together with one of these is somebody else's. */
export const isModified = (event: KeyboardEvent): boolean => event.ctrlKey || event.metaKey || event.altKey;

/** Keys that mean the same everywhere in a notebook, also where a row or a button has the focus. */
const LEFT_TO_THE_PAGE = /^(Escape|F\d+)$/;

/** Whether a key pressed inside the view is for the view: `x` must not cut the cell, nor an arrow leave it. */
export const isForView = (event: KeyboardEvent): boolean =>
  !isModified(event) && !LEFT_TO_THE_PAGE.test(event.key) && !(event.key === "Enter" && event.shiftKey);

/**
 * Keep the keys for the view from the commands of a notebook's command mode, those of `host` only.
 *
 * Those commands match whatever has the focus (`.jp-Notebook.jp-mod-commandMode :focus`), and Notebook 7 looks for
 * them in the capture phase, before a listener in the page hears anything. Lumino asks for this attribute, and on
 * the focused element itself, since it stops at the first element that matches:
 * https://lumino.readthedocs.io/en/latest/api/classes/commands.CommandRegistry.html#processKeydownEvent
 * It is decided anew for each key, so that Ctrl+S still saves. Returns what ends it.
 */
export function keepKeys(host: HTMLElement): () => void {
  const decide = (event: KeyboardEvent) => {
    const [target] = event.composedPath();
    if (target instanceof Element && host.contains(target)) target.toggleAttribute(SUPPRESS, isForView(event));
  };
  const page = host.ownerDocument.defaultView!;
  page.addEventListener("keydown", decide, true);
  return () => page.removeEventListener("keydown", decide, true);
}

const SUPPRESS = "data-lm-suppress-shortcuts";
