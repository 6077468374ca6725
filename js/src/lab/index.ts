/** Door 2: the JupyterLab extension: the document's renderer, the shapes in the editor, and the applying of fixes. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import type { ICodeCellModel } from "@jupyterlab/cells";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { installStyle } from "../view/style";
import { annotations } from "./annotations";
import { listenForRequests } from "./apply";
import { boardOf } from "./documents";
import { addRenderer } from "./renderer";
import { whyTooltip } from "./tooltip";

const renderer: JupyterFrontEndPlugin<void> = {
  id: "conv-magic:renderer",
  description: "Draws the table of calls in a cell's output.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [INotebookTracker],
  activate: (_: JupyterFrontEnd, registry: IRenderMimeRegistry, tracker: INotebookTracker | null) =>
    addRenderer(registry, tracker),
};

const inline: JupyterFrontEndPlugin<void> = {
  id: "conv-magic:annotations",
  description: "Shows the shapes at the ends of the code lines.",
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  optional: [INotebookTracker],
  activate(_: JupyterFrontEnd, registry: IEditorExtensionRegistry, tracker: INotebookTracker | null) {
    installStyle(document.body);
    tracker?.widgetAdded.connect((_, panel) => watchNotebook(panel));
    tracker?.forEach(watchNotebook);
    registry.addExtension({
      name: "conv-magic:annotations",
      factory: ({ model }) => {
        if (!isCodeCell(model)) return null;
        const board = boardOf(model);
        board.watch(model);
        const source = { current: () => board.speechFor(model), listen: board.listen.bind(board) };
        return EditorExtensionRegistry.createImmutableExtension([annotations(source), whyTooltip]);
      },
    });
  },
};

const requests: JupyterFrontEndPlugin<void> = {
  id: "conv-magic:apply",
  description: "Applies a fix to its cell.",
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker) => void listenForRequests(tracker),
};

/** Cells far outside the window have no editor, yet their outputs may speak of a cell that has one. */
function watchNotebook(panel: NotebookPanel): void {
  const notebook = panel.content;
  const watchAll = () => {
    const cells = [...(notebook.model?.cells ?? [])].filter(isCodeCell);
    if (cells[0]) boardOf(cells[0]).watchOnly(new Set(cells));
  };
  const start = () => {
    notebook.model?.cells.changed.connect(watchAll);
    watchAll();
  };
  notebook.modelChanged.connect(start);
  start();
}

const isCodeCell = (model: object): model is ICodeCellModel => "type" in model && model.type === "code" && "outputs" in model;

export default [renderer, inline, requests];
