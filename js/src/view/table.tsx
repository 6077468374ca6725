/** The table of calls: a tree grid of which only the rows in sight are drawn. */

import { useTable } from "@tanstack/preact-table";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Sheet } from "../core/copy";
import { STATUS_CHOICES, wordsOf } from "../core/find";
import type { Document, Span } from "../wire/report";
import type { Row } from "../core/rows";
import { everyRow, LONG_LOOP, treeOf, unfolded } from "../core/tree";
import { visible } from "../core/visible";
import { placesOf } from "../core/window";
import { type Column, columnsOf, features, hintOf, lettersOf, libraryColumns, shownAtFirst } from "./columns";
import { useCursor, useScrolled } from "./cursor";
import { Headers } from "./headers";
import { isModified, rowByKey } from "./keys";
import { measurePaint } from "./paint";
import { NOTHING_SOUGHT, type Search, Tools } from "./tools";

export interface CallTableProps {
  document: Document;
  rows: readonly Row[];
  selected: number | null;
  onSelect: (index: number) => void;
  onReveal: (span: Span) => void;
}

/** A table of fewer rows is seen at a glance. */
const MANY = 6;

export function CallTable({ document, rows, selected, onSelect, onReveal }: CallTableProps) {
  const tree = useMemo(() => treeOf(rows), [rows]);
  const every = useMemo(() => everyRow(tree), [tree]);
  const columns = useMemo(() => columnsOf(document), [document]);
  const [choices, setChoices] = useState<Record<string, boolean>>({});
  const [widths, setWidths] = useState<Record<string, number>>({});
  const [search, setSearch] = useState<Search>(NOTHING_SOUGHT);
  const [folds, setFolds] = useState<Record<string, boolean>>({});
  const atFirst = useMemo(() => shownAtFirst(columns, every), [columns, every]);
  const columnVisibility = useMemo(() => ({ ...atFirst, ...choices }), [atFirst, choices]);
  const columnFilters = useMemo(() => filtersOf(search), [search]);
  const table = useTable({
    features,
    columns: useMemo(() => libraryColumns(document, columns), [document, columns]),
    data: tree,
    state: useMemo(() => ({ columnVisibility, columnFilters }), [columnVisibility, columnFilters]),
    getRowId: (row) => row.id,
    getSubRows: (row) => row.inner,
    filterFromLeafRows: true,
  });
  const isOpen = (row: Row) => columnFilters.length > 0 || !(folds[row.id] ?? isFoldedAtFirst(row));
  const arranged = table.getRowModel().rows;
  const shown = useMemo(() => unfolded(arranged, (row) => isOpen(row.original)), [arranged, folds, columnFilters]);
  const parents = useMemo(() => every.filter((row) => row.inner.length > 0), [every]);
  const cursor = useCursor(every, shown, selected, setFolds);
  const drawn = columns.filter(({ id }) => columnVisibility[id]);
  const most = useMemo(() => mostOf(columns, rows), [columns, rows]);
  const grid = useRef<HTMLDivElement>(null);
  const view = useScrolled(grid, shown.length, cursor.at, selected);
  const choose = (at: number) => {
    const row = shown[at]?.original;
    if (!row) return;
    cursor.moveTo(row);
    onSelect(row.index);
  };
  const fold = (row: Row, folded: boolean) => setFolds({ ...folds, [row.id]: folded });
  const keys = (event: KeyboardEvent) => {
    const row = shown[cursor.at]?.original;
    const next = rowByKey(event.key, cursor.at, shown.length, view.page);
    const isOurs = next !== null || event.key.startsWith("Arrow") || event.key === "/" || (event.key === "Enter" && row?.call.span);
    if (!isOurs || !row || isModified(event) || !(event.target as Element).closest(".convmagic-row")) return;
    if (next !== null || event.key.startsWith("Arrow")) view.focusNext(); // before the move: a front end may draw while it hears of the selection
    if (next !== null) choose(next);
    else if (event.key === "ArrowRight" && row.inner.length > 0) isOpen(row) ? choose(cursor.at + 1) : fold(row, false);
    else if (event.key === "ArrowLeft" && row.inner.length > 0 && isOpen(row)) fold(row, true);
    else if (event.key === "ArrowLeft" && row.parent) choose(shown.findIndex(({ id }) => id === row.parent!.id));
    else if (event.key === "Enter" && row.call.span) onReveal(row.call.span);
    else if (event.key === "/") focusFinder(grid.current);
    event.preventDefault();
    event.stopPropagation(); // a notebook moves between cells with the same keys
  };
  const sheetOf = (what: "row" | "table"): Sheet => {
    const taken = what === "row" ? shown.slice(cursor.at, cursor.at + 1) : unfolded(arranged, () => true);
    const lines = taken.map(({ original }) => original).filter((row) => what === "row" || !row.turns);
    return { titles: drawn.map(({ id }) => id), rows: lines.map((row) => drawn.map((column) => column.text(row))) };
  };
  const sort = (id: string) => {
    const start = performance.now();
    table.getColumn(id)?.toggleSorting();
    measurePaint("sort", start);
  };
  const isTree = parents.length > 0;
  const places = placesOf(shown.length, view.window, cursor.at);
  const { styles, least } = useWidths(drawn, every, widths);
  return (
    <div class="convmagic-calls">
      <Tools
        search={search}
        onSearch={setSearch}
        found={columnFilters.length > 0 ? [shown.filter(({ original }) => original.inner.length === 0).length, rows.length] : null}
        folded={isTree && columnFilters.length === 0 ? parents.some((row) => !isOpen(row)) : null}
        onFold={(folded) => setFolds(Object.fromEntries(parents.map((row) => [row.id, folded])))}
        columns={columns}
        isShown={(id) => columnVisibility[id] ?? false}
        onShow={(id, isShown) => setChoices({ ...choices, [id]: isShown })}
        onReset={() => (setChoices({}), setWidths({}))}
        sheetOf={sheetOf}
        searchable={rows.length > MANY}
        onLeave={() => grid.current?.querySelector<HTMLElement>('.convmagic-row[tabindex="0"]')?.focus()}
      />
      <div class="convmagic-scroll" ref={grid} role="region" aria-label="calls" onScroll={view.onScroll} onKeyDown={keys}>
        <table class="convmagic-table" role={isTree ? "treegrid" : "grid"} aria-rowcount={shown.length + 1} style={{ minWidth: least }} aria-label="calls; arrows move, left and right fold, Enter shows the code line">
          <colgroup>
            {styles.map((style, i) => (
              <col key={i} data-column={drawn[i]!.id} style={style} />
            ))}
          </colgroup>
          <Headers
            columns={drawn}
            sortedBy={(id) => table.getColumn(id)?.getIsSorted() ?? false}
            onSort={sort}
            onWidth={(id, pixels) => setWidths({ ...widths, [id]: pixels })}
          />
          <tbody>
            {places.flatMap(({ at, gap }) => {
              const { id, original: row, depth } = shown[at]!;
              const folded = row.inner.length > 0 && !isOpen(row);
              return [
                gap > 0 && <Gap key={`gap before ${id}`} height={gap * view.rowHeight} />,
                <tr
                  key={id}
                  class="convmagic-row"
                  data-index={row.turns ? undefined : row.index}
                  data-status={folded ? row.worst : row.status}
                  data-odd={at % 2 === 1}
                  aria-rowindex={at + 2}
                  aria-selected={selected !== null && at === cursor.at}
                  aria-level={isTree ? depth + 1 : undefined}
                  aria-expanded={row.inner.length > 0 ? !folded : undefined}
                  tabIndex={at === cursor.at ? 0 : -1}
                  onClick={() => choose(at)}
                  onDblClick={() => row.call.span && onReveal(row.call.span)}
                >
                  {drawn.map((column) => (
                    <td key={column.id} data-column={column.id} data-numeric={column.numeric} title={hintOf(column, row)} style={barOf(column, row, most)}>
                      {column.id === "layer" && isTree && <Fold row={row} depth={depth} open={!folded} onFold={fold} />}
                      {column.cell ? column.cell(row, { folded, onReveal }) : visible((column.brief ?? column.text)(row))}
                    </td>
                  ))}
                </tr>,
              ];
            })}
            <Gap height={(shown.length - 1 - (places.at(-1)?.at ?? -1)) * view.rowHeight} />
          </tbody>
        </table>
        {shown.length === 0 && <p class="convmagic-none">no row is found</p>}
      </div>
    </div>
  );
}

const isFoldedAtFirst = (row: Row) => row.turns !== null && (row.worst === "ok" || row.turns.length > LONG_LOOP);

function filtersOf({ text, status }: Search) {
  const statuses = STATUS_CHOICES[status]!.statuses;
  return [
    ...(wordsOf(text).length > 0 ? [{ id: "layer", value: text }] : []),
    ...(statuses.length > 0 ? [{ id: "status", value: statuses }] : []),
  ];
}

function focusFinder(grid: HTMLElement | null): void {
  grid?.parentElement?.querySelector<HTMLElement>(".convmagic-find")?.focus();
}

/** The largest figure of each column that has bars. */
function mostOf(columns: readonly Column[], rows: readonly Row[]): Record<string, number> {
  const most: Record<string, number> = {};
  for (const { id, bar, order } of columns) {
    if (bar && order) most[id] = rows.reduce((largest, row) => Math.max(largest, order(row) ?? 0), 0);
  }
  return most;
}

/** A bar under a figure, as long as its share of the largest one; where one row has it all there is nothing to compare. */
function barOf({ id, bar, order }: Column, row: Row, most: Record<string, number>): { backgroundSize: string } | undefined {
  const share = bar && order && most[id] ? (order(row) ?? 0) / most[id] : 0;
  return share > 0 ? { backgroundSize: `${Math.min(share, 1) * 100}% 2px` } : undefined;
}

/** The room of rows that are not drawn. */
function Gap({ height }: { height: number }) {
  return height > 0 ? <tr class="convmagic-gap" aria-hidden="true" style={{ height: `${height}px` }} /> : null;
}

interface FoldProps {
  row: Row;
  depth: number;
  open: boolean;
  onFold: (row: Row, folded: boolean) => void;
}

/** The room for the depth, and where something lies inside, what folds it; keys do the same on the row. */
function Fold({ row, depth, open, onFold }: FoldProps) {
  const click = (event: Event) => {
    event.stopPropagation();
    onFold(row, open);
  };
  const inside = row.inner.length > 0;
  return (
    <span class="convmagic-fold" aria-hidden="true" style={{ marginInlineStart: `${depth * 1.25}em` }} onClick={inside ? click : undefined}>
      {inside && (open ? "▾" : "▸")}
    </span>
  );
}

/** Widths by content, or as somebody made them; the first column that is free to takes what is left. */
function useWidths(columns: readonly Column[], rows: readonly Row[], widths: Record<string, number>) {
  const names = columns.map(({ id }) => id);
  const letters = useMemo(() => columns.map((column) => lettersOf(column, rows)), [names.join(), rows]);
  const each = names.map((id, i) => (id in widths ? `${widths[id]}px` : `${letters[i]} * var(--convmagic-letter) + 14px`));
  const stretches = ["layer", ...names].find((id) => names.includes(id) && !(id in widths));
  return {
    styles: each.map((width, i) => (names[i] === stretches ? {} : { width: `calc(${width})` })),
    least: `calc(${each.join(" + ")})`,
  };
}
