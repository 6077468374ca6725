/** The whole view of one document, drawn into a host element; every front end uses this door. */

import { render } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Actions } from "../core/actions";
import type { Document } from "../wire/report";
import { firstProblem, type Row, rowsOf } from "../core/rows";
import { hearSelection, runOf, tellSelection } from "../core/selection";
import { Detail } from "./detail";
import { FlowView } from "./flow";
import { Head } from "./head";
import { keepKeys } from "./keys";
import { measurePaint } from "./paint";
import { installStyle } from "./style";
import { CallTable } from "./table";
import { ArithmeticOf } from "./whatif";

export interface ViewOptions {
  /** The selected call, where somebody outside keeps it; else the first problem. */
  selected?: number | null;
  onSelect?: (index: number | null) => void;
}

export interface ReportView {
  update(document: Document, options?: ViewOptions): void;
  dispose(): void;
}

/** Draw `document` into `host`, again at each `update`; selection and sorting outlive an update. */
export function renderReport(host: HTMLElement, document: Document, actions: Actions, options: ViewOptions = {}): ReportView {
  const start = performance.now();
  installStyle(host);
  const draw = (next: Document, settings: ViewOptions) =>
    render(<Report document={next} actions={actions} {...settings} />, host);
  draw(document, options);
  measurePaint("first paint", start);
  const leaveKeys = keepKeys(host);
  return {
    update: (next, settings = options) => draw(next, settings),
    dispose() {
      leaveKeys();
      render(null, host);
    },
  };
}

interface ReportProps extends ViewOptions {
  document: Document;
  actions: Actions;
}

function Report({ document, actions, selected: given, onSelect }: ReportProps) {
  const rows = useMemo(() => rowsOf(document), [document]);
  const [selected, setSelected] = useSelection(document, rows, given);
  const root = useRef<HTMLDivElement>(null);
  const select = useShared(root, runOf(document), selected, (index) => {
    setSelected(index);
    onSelect?.(index);
  });
  return (
    <div class="convmagic" ref={root}>
      <Head document={document} rows={rows} />
      {rows.length > 0 && <CallTable document={document} rows={rows} selected={selected} onSelect={select} onReveal={actions.reveal} />}
      <div class="convmagic-below">
        <div class="convmagic-columns">
          <Detail document={document} rows={rows} selected={selected} actions={actions} />
          <ArithmeticOf document={document} selected={selected} actions={actions} />
          <FlowView document={document} selected={selected} onSelect={select} />
        </div>
      </div>
    </div>
  );
}

/**
 * Follow what is selected of this run elsewhere in the page, and tell what is selected here; returns what selects.
 *
 * A row that is asked for comes into sight.
 */
function useShared(root: { current: HTMLElement | null }, run: string, selected: number | null, take: (index: number) => void) {
  const [sought, setSought] = useState<object | null>(null);
  const latest = useRef({ selected, take });
  latest.current = { selected, take };
  const follow = (index: number) => {
    if (index === latest.current.selected) return;
    latest.current.selected = index; // what is told here is heard here too
    latest.current.take(index);
  };
  useLayoutEffect(
    () =>
      hearSelection(root.current!.ownerDocument, run, ({ index, reveal }) => {
        follow(index);
        if (reveal) setSought({});
      }),
    [run],
  );
  useLayoutEffect(() => {
    if (sought) root.current?.querySelector('.convmagic-row[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [sought]);
  return (index: number) => {
    follow(index);
    tellSelection(root.current!.ownerDocument, { run, index, reveal: false });
  };
}

/** The selected call; a selection from outside wins, one that no longer exists falls back to the first problem. */
function useSelection(document: Document, rows: readonly Row[], given: number | null | undefined) {
  const [own, setOwn] = useState<number | null | undefined>(given);
  useLayoutEffect(() => setOwn(given), [given]);
  const exists = own != null && rows.some((row) => row.index === own);
  return [exists ? own : firstProblem(document, rows), setOwn] as const;
}
