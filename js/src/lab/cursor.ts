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
  notebook.mode = "edit";
  view.focus();
  view.dispatch({ selection: { anchor: Math.min(offset, view.state.doc.length) }, scrollIntoView: true });
  return view;
}
