/** A click on a note writes its shape into the code; the same for the keyboard's commands. */

import { type Extension, Facet } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { ICodeCellModel } from "@jupyterlab/cells";
import { allMarks, marksAt, type PlacedMark } from "./annotations";
import { announce, refuse } from "./announce";
import { pinsOf } from "./pins";
import { writeChanges } from "./write";

/** The cell that an editor shows. */
const shownCell = Facet.define<ICodeCellModel>();

export function pinning(cell: ICodeCellModel): Extension {
  return [shownCell.of(cell), clicks];
}

/** The marks of the line whose shapes can be written down now. */
export function pinnable(view: EditorView, position: number): PlacedMark[] {
  const marks = marksAt(view.state, position)?.marks ?? [];
  return marks.filter(({ mark, freshness }) => mark.pin !== null && freshness === "fresh");
}

/** The same of the whole cell. */
export function allPinnable(view: EditorView): PlacedMark[] {
  const marks = allMarks(view.state)?.marks ?? [];
  return marks.filter(({ mark, freshness }) => mark.pin !== null && freshness === "fresh");
}

/** Write the shapes of `marks` into the cell. */
export function pin(view: EditorView, marks: readonly PlacedMark[]): void {
  const [cell] = view.state.facet(shownCell);
  if (!cell) return;
  const text = cell.sharedModel.getSource();
  if (text !== view.state.doc.toString()) return refuse("the cell is just being changed; try again");
  const changes = pinsOf(marks, text);
  if (changes.length === 0) return announce("the shape is in the code already");
  writeChanges(cell, changes);
  announce(changes.length === 1 ? `written: ${changes[0]!.insert.trim()}` : `${changes.length} shapes written into the cell`);
}

const clicks = EditorView.domEventHandlers({
  click(event, view) {
    const note = noteOf(event);
    if (!note || !view.state.selection.main.empty) return false;
    pin(view, pinnable(view, view.posAtDOM(note)));
    return true;
  },
});

/** The note that a plain click means. */
function noteOf(event: MouseEvent): Element | null {
  const { target, button, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (button !== 0 || altKey || ctrlKey || metaKey || shiftKey || !(target instanceof Element)) return null;
  return target.closest(".cm-convmagic-note[data-pin]");
}
