/** The heading of the table: sorting and widths.  One stop for the Tab key; arrows lead from column to column. */

import type { SortDirection } from "@tanstack/preact-table";
import { useRef, useState } from "preact/hooks";
import type { Column } from "./columns";

export interface HeadersProps {
  columns: readonly Column[];
  sortedBy: (id: string) => false | SortDirection;
  onSort: (id: string) => void;
  onWidth: (id: string, pixels: number) => void;
}

const ARIA_SORT = { asc: "ascending", desc: "descending" } as const;
const ARROWS = { asc: "↑", desc: "↓" } as const;

/** Pixels by which a key press changes a width. */
const STEP = 16;
const NARROWEST = 32;

export function Headers({ columns, sortedBy, onSort, onWidth }: HeadersProps) {
  const [entry, setEntry] = useState<string | null>(null);
  const row = useRef<HTMLTableRowElement>(null);
  const stop = columns.some(({ id }) => id === entry) ? entry : columns[0]?.id;
  const byKey = (event: KeyboardEvent, at: number) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const heading = row.current?.cells[event.shiftKey ? at : Math.min(Math.max(at + step, 0), columns.length - 1)];
    if (!heading) return;
    if (event.shiftKey) onWidth(columns[at]!.id, Math.max(heading.offsetWidth + step * STEP, NARROWEST));
    else heading.querySelector("button")?.focus();
  };
  return (
    <thead>
      <tr ref={row} aria-rowindex={1}>
        {columns.map(({ id, title, meaning, numeric }, at) => {
          const sorted = sortedBy(id);
          return (
            <th key={id} scope="col" data-column={id} data-numeric={numeric} aria-sort={sorted ? ARIA_SORT[sorted] : "none"}>
              <button
                type="button"
                title={`${meaning}; Shift and an arrow change its width`}
                tabIndex={id === stop ? 0 : -1}
                onFocus={() => setEntry(id)}
                onKeyDown={(event) => byKey(event, at)}
                onClick={() => onSort(id)}
              >
                {title}
                <span class="convmagic-arrow" aria-hidden="true">
                  {sorted ? ARROWS[sorted] : ""}
                </span>
              </button>
              <span class="convmagic-grip" onPointerDown={(event) => drag(event, (pixels) => onWidth(id, pixels))} />
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** Follow the pointer until it is let go; the width of the heading that the grip belongs to. */
function drag(event: PointerEvent, onWidth: (pixels: number) => void): void {
  const grip = event.currentTarget as HTMLElement;
  const start = grip.parentElement!.offsetWidth;
  const move = (next: PointerEvent) => onWidth(Math.max(start + next.clientX - event.clientX, NARROWEST));
  const end = () => {
    grip.removeEventListener("pointermove", move);
    grip.removeEventListener("pointerup", end);
    grip.removeEventListener("pointercancel", end);
  };
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", end);
  grip.addEventListener("pointercancel", end);
}
