/** The table of calls: sorting, only the problems, one selected row; keyboard as in a grid. */

import { type PreactTable, useTable } from "@tanstack/preact-table";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Row } from "../rows";
import { columns, features, visibleColumns } from "./columns";

export interface CallTableProps {
  rows: readonly Row[];
  onlyProblems: boolean;
  selected: number | null;
  onSelect: (index: number) => void;
}

type CallTable = PreactTable<typeof features, Row>;

const PROBLEMS = ["failed", "inside", "warning"];
const NUMERIC = new Set(["line", "params", "macs", "count"]);

export function CallTable({ rows, onlyProblems, selected, onSelect }: CallTableProps) {
  const data = useMemo(() => [...rows], [rows]);
  const columnVisibility = useMemo(() => visibleColumns(rows), [rows]);
  const columnFilters = useMemo(() => (onlyProblems ? [{ id: "status", value: PROBLEMS }] : []), [onlyProblems]);
  const state = useMemo(() => ({ columnVisibility, columnFilters }), [columnVisibility, columnFilters]);
  const table: CallTable = useTable({ features, columns, data, state, getRowId: (row) => String(row.index) });
  const shown = table.getRowModel().rows;
  const order = shown.map((row) => row.original.index);
  const body = useRef<HTMLTableSectionElement>(null);
  useScrollTo(body, selected, rows);
  const entry = selected !== null && order.includes(selected) ? selected : order[0];
  return (
    <div class="convmagic-scroll" role="region" aria-label="calls">
      <table class="convmagic-table" role="grid" aria-rowcount={shown.length}>
        <Headers table={table} />
        <tbody ref={body} onKeyDown={(event) => moveByKey(event, order, onSelect)}>
          {shown.map((row) => (
            <tr
              key={row.id}
              class="convmagic-row"
              data-index={row.original.index}
              data-status={row.original.status}
              aria-selected={row.original.index === selected}
              tabIndex={row.original.index === entry ? 0 : -1}
              onClick={() => onSelect(row.original.index)}
            >
              {row.getVisibleCells().map((cell) => (
                <td key={cell.id} data-column={cell.column.id} class={NUMERIC.has(cell.column.id) ? "convmagic-number" : ""}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ARIA_SORT = { asc: "ascending", desc: "descending" } as const;
const ARROWS = { asc: "↑", desc: "↓" } as const;

function Headers({ table }: { table: CallTable }) {
  return (
    <thead>
      {table.getHeaderGroups().map((group) => (
        <tr key={group.id}>
          {group.headers.map((header) => {
            const sorted = header.column.getIsSorted();
            return (
              <th key={header.id} scope="col" data-column={header.column.id} aria-sort={sorted ? ARIA_SORT[sorted] : "none"}>
                <button type="button" onClick={header.column.getToggleSortingHandler()}>
                  <table.FlexRender header={header} />
                  <span class="convmagic-arrow" aria-hidden="true">
                    {sorted ? ARROWS[sorted] : ""}
                  </span>
                </button>
              </th>
            );
          })}
        </tr>
      ))}
    </thead>
  );
}

/** Bring the selected row into the table's own window; the page itself does not move. */
function useScrollTo(body: { current: HTMLElement | null }, selected: number | null, rows: readonly Row[]): void {
  useEffect(() => {
    const row = body.current?.querySelector<HTMLElement>(`[data-index="${selected}"]`);
    const frame = row?.closest<HTMLElement>(".convmagic-scroll");
    if (!row || !frame) return;
    const above = row.offsetTop - (row.closest("table")?.tHead?.offsetHeight ?? 0);
    const below = row.offsetTop + 2.5 * row.offsetHeight - frame.clientHeight; // with a look at what follows
    if (frame.scrollTop > above) frame.scrollTop = above;
    else if (frame.scrollTop < below) frame.scrollTop = below;
  }, [selected, rows]);
}

const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
  Enter: (at) => at,
  " ": (at) => at,
};

function moveByKey(event: KeyboardEvent, order: readonly number[], onSelect: (index: number) => void): void {
  const row = (event.target as HTMLElement).closest<HTMLElement>(".convmagic-row");
  const step = STEPS[event.key];
  if (!row || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = order[step(order.indexOf(Number(row.dataset["index"])), order.length - 1)];
  if (index === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // a notebook moves between cells with the same keys
  row.parentElement?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true });
  onSelect(index);
}
