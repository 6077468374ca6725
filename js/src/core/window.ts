/**
 * Which of many rows of one height are drawn.  Pure.
 *
 * All rows are equally high, so this is division; a library for rows of any height (@tanstack/virtual-core) would add
 * 32 kB to a module that is saved with each widget.
 */

/** Rows drawn beyond either edge, so that a fast scroll shows rows and not paper. */
const OVERSCAN = 12;

/** Up to so many rows, all are drawn. */
export const ALL_DRAWN = 100;

export interface Window {
  first: number;
  /** Exclusive. */
  end: number;
}

/** The rows to draw; edges lie on multiples of the overscan, so that most scrolling changes nothing. */
export function windowOf(count: number, scrolled: number, height: number, rowHeight: number): Window {
  if (count <= ALL_DRAWN) return { first: 0, end: count };
  const first = Math.floor(scrolled / rowHeight / OVERSCAN - 1) * OVERSCAN;
  const end = Math.ceil((scrolled + height) / rowHeight / OVERSCAN + 1) * OVERSCAN;
  return { first: Math.min(Math.max(first, 0), count), end: Math.min(Math.max(end, 0), count) };
}

/** The drawn places in order, the row with the focus always among them; `gap` counts the rows left out before one. */
export function placesOf(count: number, { first, end }: Window, focused: number): { at: number; gap: number }[] {
  const places = Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i);
  if (focused >= 0 && focused < first) places.unshift(focused);
  if (focused >= end && focused < count) places.push(focused);
  return places.map((at, i) => ({ at, gap: at - (i > 0 ? places[i - 1]! + 1 : 0) }));
}

/** Where to scroll so that the row at `at` is seen below the heading; where it is seen already, nowhere. */
export function scrollTo(at: number, rowHeight: number, scrolled: number, height: number, heading: number): number {
  const above = at * rowHeight;
  const below = (at + 2.5) * rowHeight - (height - heading); // with a look at what follows
  if (scrolled > above) return above;
  return scrolled < below ? below : scrolled;
}
