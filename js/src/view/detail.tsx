/** Why, where from, and what to do: the pane below the table. */

import type { Actions } from "../core/actions";
import { sourceOf } from "../core/fix";
import type { Diagnosis, Document, Span } from "../wire/report";
import { diagnosesFor, placeText, type Row } from "../core/rows";
import { visible } from "../core/visible";
import { Fixes } from "./fixes";
import { Comparison } from "./shapes";

export interface DetailProps {
  document: Document;
  rows: readonly Row[];
  selected: number | null;
  actions: Actions;
}

export function Detail({ document, rows, selected, actions }: DetailProps) {
  const diagnoses = diagnosesFor(document, selected);
  const row = rows.find((candidate) => candidate.index === selected);
  if (diagnoses.length === 0) return row?.call.error ? <Raised row={row} /> : null;
  return (
    <section class="convmagic-detail" aria-label="why and what to do">
      {diagnoses.map((diagnosis, i) => (
        <Why key={i} diagnosis={diagnosis} document={document} actions={actions} />
      ))}
    </section>
  );
}

/** A call that failed with no diagnosis of its own: the error's own words. */
function Raised({ row }: { row: Row }) {
  return (
    <section class="convmagic-detail" aria-label="error">
      <pre class="convmagic-error">{visible(row.call.error ?? "")}</pre>
    </section>
  );
}

export interface WhyProps {
  diagnosis: Diagnosis;
  document: Document;
  actions: Actions;
  /** Beside the failing line itself only the line that the number comes from is shown. */
  brief?: boolean;
}

export function Why({ diagnosis, document, actions, brief = false }: WhyProps) {
  return (
    <article class="convmagic-why" data-severity={diagnosis.severity}>
      <h3 class="convmagic-headline">
        <span class="convmagic-code">
          {diagnosis.severity}[{visible(diagnosis.code)}]
        </span>
        {visible(diagnosis.headline)}
      </h3>
      <Excerpt diagnosis={diagnosis} document={document} actions={actions} brief={brief} />
      <div class="convmagic-facts">
        <Comparison diagnosis={diagnosis} />
        {diagnosis.reasons.length > 0 && (
          <ul class="convmagic-reasons">
            {diagnosis.reasons.map((reason, i) => (
              <li key={i}>{visible(reason)}</li>
            ))}
          </ul>
        )}
      </div>
      <Fixes document={document} fixes={diagnosis.fixes} actions={actions} />
    </article>
  );
}

/** The line at fault, and the line that its number comes from, in the order of the text. */
function Excerpt({ diagnosis, document, actions, brief = false }: WhyProps) {
  const { span, origin, origin_note: note } = diagnosis;
  const places = [
    ...(origin ? [{ span: origin, role: "origin", note: note ?? "the number comes from here" }] : []),
    ...(span && !brief ? [{ span, role: "fault", note: "" }] : []),
  ];
  if (places.length === 0) return null;
  return (
    <div class="convmagic-excerpt">
      {places.map((place) => (
        <CodeLine key={place.role} {...place} document={document} actions={actions} />
      ))}
    </div>
  );
}

interface CodeLineProps {
  span: Span;
  role: string;
  note: string;
  document: Document;
  actions: Actions;
}

function CodeLine({ span, role, note, document, actions }: CodeLineProps) {
  const text = sourceOf(document, span.cell)?.text.split("\n")[span.line - 1] ?? "";
  const end = span.end_line === span.line ? span.end_column : text.length;
  return (
    <div class="convmagic-code-line" data-role={role}>
      <button type="button" class="convmagic-reveal" onClick={() => actions.reveal(span)} title="show this line">
        {visible(placeText(span, document.trace.sources))}
      </button>
      <code>
        {visible(text.slice(0, span.column))}
        <u>{visible(text.slice(span.column, end))}</u>
        {visible(text.slice(end))}
      </code>
      {note && (
        <span class="convmagic-origin-note">
          <span aria-hidden="true">← </span>
          {visible(note)}
        </span>
      )}
    </div>
  );
}
