/** Where the user is: the notebook, the cell, the editor and its line; and how to go somewhere else. */

import { CodeCell } from "@jupyterlab/cells";
import { CodeMirrorEditor } from "@jupyterlab/codemirror";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { EditorView } from "@codemirror/view";

export interface Cursor {
  panel: NotebookPanel;
  cell: CodeCell;
  view: EditorView;
}

/** The active code cell of the notebook in front, if its editor is there. */
export function cursorIn(tracker: INotebookTracker): Cursor | null {
  const panel = tracker.currentWidget;
  const cell = panel?.content.activeCell;
  const editor = cell?.editor;
  if (!panel || !(cell instanceof CodeCell) || !(editor instanceof CodeMirrorEditor)) return null;
  return { panel, cell, view: editor.editor };
}

/** Put the cursor into a cell, which a long notebook may not have drawn yet. */
export async function goTo(panel: NotebookPanel, cell: CodeCell, offset: number): Promise<EditorView | null> {
  const notebook = panel.content;
  notebook.deselectAll();
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  await notebook.scrollToCell(cell);
  await cell.ready;
  const { editor } = cell;
  if (!(editor instanceof CodeMirrorEditor)) return null;
  const view = editor.editor;
  view.dispatch({ selection: { anchor: Math.min(offset, view.state.doc.length) }, scrollIntoView: true });
  await focusFor(FRAMES_TO_SETTLE, panel, view);
  return view;
}

const FRAMES_TO_SETTLE = 12;

/** A notebook that draws only what is in view takes a far cell out of the page and puts it in again while it settles;
 * the focus is lost with that, to nobody. */
async function focusFor(frames: number, { content }: NotebookPanel, view: EditorView): Promise<void> {
  for (let frame = 0; frame < frames; frame++) {
    if (frame === 0 || document.activeElement === document.body) {
      content.mode = "edit";
      view.focus();
    }
    await new Promise(requestAnimationFrame);
  }
}
