/** Why, and the fixes, over a line that has a diagnosis. */

import type { Extension } from "@codemirror/state";
import { type EditorView, hoverTooltip, type Tooltip } from "@codemirror/view";
import { domActions } from "../actions";
import { renderWhy } from "../view/render";
import { anchorsAt } from "./annotations";

/** Requests go out through the editor, not through the tooltip: that one hangs on the page's body. */
export const whyTooltip: Extension = hoverTooltip((view, position) => tooltipAt(view, position), { hideOnChange: true });

function tooltipAt(view: EditorView, position: number): Tooltip | null {
  const found = anchorsAt(view.state, position);
  const diagnoses = found?.anchors.flatMap((anchor) => anchor.mark.diagnoses) ?? [];
  if (!found || diagnoses.length === 0) return null;
  const { from, to } = view.state.doc.lineAt(position);
  return {
    pos: from,
    end: to,
    above: true,
    create() {
      const dom = document.createElement("div");
      dom.className = "cm-convmagic-tooltip";
      const { document: report } = found.speech;
      const dispose = renderWhy(dom, diagnoses, report, domActions(view.dom, () => report));
      return { dom, destroy: dispose };
    },
  };
}
