/** A click on a note selects the row of its call in the table below the cell. */

import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { runOf, tellSelection } from "../core/selection";
import { marksAt } from "./annotations";
import { callOf } from "./notes";

const isGoing = ({ ctrlKey, metaKey }: MouseEvent) => ctrlKey || metaKey;

/** The note that a click with the first button means. */
function noteOf({ target, button, altKey, shiftKey }: MouseEvent): HTMLElement | null {
  return button === 0 && !altKey && !shiftKey && target instanceof Element ? target.closest<HTMLElement>(".cm-convmagic-note") : null;
}

/** A plain click may write the shape as well; with Ctrl, or where nothing is to be written, the row comes into sight. */
export const rowClicks: Extension = EditorView.domEventHandlers({
  mousedown: (event) => isGoing(event) && noteOf(event) !== null, // no second cursor
  click(event, view) {
    const note = noteOf(event);
    if (!note || !view.state.selection.main.empty) return false;
    const found = marksAt(view.state, view.posAtDOM(note));
    const index = found?.marks.map(({ mark }) => callOf(mark)).find((call) => call !== null) ?? null;
    if (!found || index === null) return false;
    const reveal = isGoing(event) || !("pin" in note.dataset);
    tellSelection(note.ownerDocument, { run: runOf(found.speech.document), index, reveal });
    return reveal;
  },
});
