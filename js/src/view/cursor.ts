/** Which row has the focus, and which rows are in sight. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Row } from "../core/rows";
import { scrollTo, type Window, windowOf } from "../core/window";

export interface Cursor {
  /** Its place among the rows that are shown. */
  at: number;
  moveTo: (row: Row) => void;
}

type Folds = Record<string, boolean>;

/**
 * The row with the focus: the one that was moved to, else the selected one, else the row around it that is shown.
 *
 * A selection that comes from outside unfolds what lies around it; one's own move on a folded row does not.
 */
export function useCursor(
  every: readonly Row[],
  shown: readonly { id: string }[],
  selected: number | null,
  setFolds: (change: (folds: Folds) => Folds) => void,
): Cursor {
  const byIndex = useMemo(() => new Map(every.filter((row) => !row.turns).map((row) => [row.index, row])), [every]);
  const places = useMemo(() => new Map(shown.map(({ id }, at) => [id, at])), [shown]);
  const [own, setOwn] = useState<{ id: string; selected: number } | null>(null);
  const moved = own !== null && own.selected === selected ? places.get(own.id) : undefined;
  const row = selected === null ? undefined : byIndex.get(selected);
  useEffect(() => {
    if (own?.selected === selected) return;
    const around = row ? ancestorsOf(row) : [];
    if (around.length > 0) setFolds((folds) => ({ ...folds, ...Object.fromEntries(around.map(({ id }) => [id, false])) }));
  }, [selected, row]);
  return {
    at: moved ?? placeShown(row, places) ?? 0,
    moveTo: (to) => setOwn({ id: to.id, selected: to.index }),
  };
}

function ancestorsOf(row: Row): Row[] {
  return row.parent ? [row.parent, ...ancestorsOf(row.parent)] : [];
}

function placeShown(row: Row | null | undefined, places: ReadonlyMap<string, number>): number | undefined {
  return row ? (places.get(row.id) ?? placeShown(row.parent, places)) : undefined;
}

export interface Scrolled {
  window: Window;
  rowHeight: number;
  /** How many rows a page is. */
  page: number;
  onScroll: () => void;
  /** Give the focus to the row of the cursor when it has been drawn. */
  focusNext: () => void;
}

/** As in the style sheet, until a row has been measured. */
const ROW_HEIGHT = 26;
const MOST_HEIGHT = 336;

/** Whether the element has a size: a front end may draw before it puts the drawing into the page. */
function useSized(frame: { current: HTMLElement | null }): boolean {
  const [isSized, setSized] = useState(false);
  useLayoutEffect(() => {
    const box = frame.current;
    if (!box || box.clientHeight > 0 || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setSized(box.clientHeight > 0));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  return isSized;
}

/** The rows in sight of `frame`; the row at `at` is brought there whenever it becomes another one. */
export function useScrolled(frame: { current: HTMLElement | null }, count: number, at: number, selected: number | null): Scrolled {
  const [scrolled, setScrolled] = useState(0);
  const [rowHeight, setRowHeight] = useState(ROW_HEIGHT);
  const isSized = useSized(frame);
  const focus = useRef(false);
  const onScroll = () => setScrolled(frame.current?.scrollTop ?? 0);
  useLayoutEffect(() => {
    const measured = frame.current?.querySelector<HTMLElement>(".convmagic-row")?.offsetHeight ?? 0;
    if (measured > 0 && measured !== rowHeight) setRowHeight(measured);
  });
  useLayoutEffect(() => {
    const box = frame.current;
    if (!box) return;
    const heading = box.querySelector("thead")?.offsetHeight ?? 0;
    const top = scrollTo(at, rowHeight, box.scrollTop, box.clientHeight, heading);
    if (top === box.scrollTop) return;
    box.scrollTop = top; // the table's own window only: the page does not move
    onScroll();
  }, [at, selected, rowHeight, isSized]);
  useLayoutEffect(() => {
    if (!focus.current) return;
    focus.current = false;
    const row = frame.current?.querySelector<HTMLElement>('.convmagic-row[tabindex="0"]');
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" }); // in the page, no further than it must; in the table it is already
  });
  const window = windowOf(count, scrolled, MOST_HEIGHT, rowHeight);
  return {
    window,
    rowHeight,
    page: Math.max(Math.floor(MOST_HEIGHT / rowHeight) - 2, 1),
    onScroll,
    focusNext: () => {
      focus.current = true;
    },
  };
}
