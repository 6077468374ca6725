/** The head line: one verdict sentence, then the figures. */

import { bytesText, exactText, figureText, secondsText } from "../core/figures";
import type { Document } from "../wire/report";
import { type Row, type Status, totalsOf, verdictOf } from "../core/rows";
import { visible } from "../core/visible";

export const GLYPHS: Record<Status, string> = { ok: "✓", warning: "⚠", failed: "✗", inside: "↳", running: "…" };

export interface HeadProps {
  document: Document;
  rows: readonly Row[];
}

export function Head({ document, rows }: HeadProps) {
  const verdict = verdictOf(document, rows);
  const { dropped, left_out: leftOut } = document.trace;
  const totals = document.trace.totals ?? totalsOf(rows);
  return (
    <header class="convmagic-head" data-status={verdict.status}>
      <p class="convmagic-verdict">
        <span class="convmagic-glyph" aria-hidden="true">
          {GLYPHS[verdict.status]}
        </span>
        {visible(verdict.text)}
      </p>
      <ul class="convmagic-totals">
        <Figure value={totals.calls} one="call" many="calls" />
        {totals.failed > 0 && <Figure value={totals.failed} one="failed" many="failed" status="failed" />}
        {totals.warnings > 0 && <Figure value={totals.warnings} one="warning" many="warnings" status="warning" />}
        {totals.params > 0 && <Figure value={totals.params} one="parameter" many="parameters" />}
        {totals.macs > 0 && <Figure value={totals.macs} one="MAC" many="MACs" />}
        {totals.output_bytes > 0 && (
          <li title={`${exactText(totals.output_bytes)} bytes: the outputs of all innermost calls, one run of each row`}>
            <b>{bytesText(totals.output_bytes)}</b> of outputs
          </li>
        )}
        {totals.seconds > 0 && (
          <li title="wall time of the outermost calls">
            <b>{secondsText(totals.seconds)}</b> in calls
          </li>
        )}
        {dropped > 0 && <Figure value={dropped} one="call not shown" many="calls not shown" />}
      </ul>
      {leftOut > 0 && (
        <p class="convmagic-left-out">
          {exactText(leftOut)} of {exactText(totals.rows)} rows are not in this copy; <code>%convshapes frame</code> has them all
        </p>
      )}
    </header>
  );
}

interface FigureProps {
  value: number;
  one: string;
  many: string;
  status?: Status;
}

function Figure({ value, one, many, status }: FigureProps) {
  return (
    <li data-status={status} title={`${exactText(value)} ${value === 1 ? one : many}`}>
      <b>{figureText(value)}</b> {value === 1 ? one : many}
    </li>
  );
}
