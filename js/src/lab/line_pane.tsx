/** What is known about one line: its shapes, why it fails with the fixes, and where its number comes from or goes to. */

import { render } from "preact";
import type { Actions } from "../core/actions";
import type { Document, Span } from "../wire/report";
import { placeText } from "../core/rows";
import { Why } from "../view/detail";
import { installStyle } from "../view/style";
import { visible } from "../core/visible";
import type { PlacedMark } from "./annotations";
import { AGE } from "./note_widget";

export interface LinePaneProps {
  document: Document;
  marks: readonly PlacedMark[];
  actions: Actions;
  /** Write the line's shape into the code; null where there is none to write. */
  pin: (() => void) | null;
}

/** Draw the pane into `host`, or draw it again. */
export function renderLinePane(host: HTMLElement, props: LinePaneProps): void {
  installStyle(host);
  render(<LinePane {...props} />, host);
}

export const clearLinePane = (host: HTMLElement): void => render(null, host);

function LinePane({ document, marks, actions, pin }: LinePaneProps) {
  const diagnoses = marks.flatMap(({ mark }) => mark.diagnoses);
  const effects = marks.flatMap(({ mark }) => mark.originOf);
  const shapes = marks.filter(({ mark }) => mark.flow !== "" && mark.diagnoses.length === 0);
  return (
    <div class="convmagic">
      {shapes.map(({ mark, freshness }) => (
        <p class="convmagic-line-shapes" key={mark.line}>
          <code>{visible(mark.flow)}</code>
          {freshness !== "fresh" && <span class="convmagic-quiet"> {AGE[freshness]}</span>}
          {pin && (
            <button type="button" class="convmagic-button convmagic-pin" onClick={pin}>
              Write into the code
            </button>
          )}
        </p>
      ))}
      {diagnoses.map((diagnosis, i) => (
        <Why key={`why ${i}`} diagnosis={diagnosis} document={document} actions={actions} brief />
      ))}
      {effects.map((diagnosis, i) => (
        <div key={`effect ${i}`} class="convmagic-effect">
          <p>{visible(diagnosis.origin_note ?? "the number comes from here")}</p>
          {diagnosis.span && <Link span={diagnosis.span} text={diagnosis.headline} document={document} actions={actions} />}
        </div>
      ))}
    </div>
  );
}

interface LinkProps {
  span: Span;
  text: string;
  document: Document;
  actions: Actions;
}

/** Another line, to go to. */
function Link({ span, text, document, actions }: LinkProps) {
  return (
    <p class="convmagic-code-line">
      <button type="button" class="convmagic-reveal" onClick={() => actions.reveal(span)}>
        {visible(placeText(span, document.trace.sources))}
      </button>
      <span>{visible(text)}</span>
    </p>
  );
}
