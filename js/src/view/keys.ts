/** The keys of the table, as in any tree grid (https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/).  Pure. */

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
