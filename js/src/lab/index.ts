/** Door 2: the JupyterLab extension: the document's renderer, the shapes in the editor, and the applying of fixes. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import type { ICodeCellModel } from "@jupyterlab/cells";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { installStyle } from "../view/style";
import { annotations, type CellSource } from "./annotations";
import { listenForRequests } from "./apply";
import { addCommands } from "./commands";
import { boardOf } from "./documents";
import { drawing } from "./drawing";
import { pinning } from "./pinning";
import { Preferences, SETTINGS } from "./preferences";
import { addRenderer } from "./renderer";
import { rowClicks } from "./row_clicks";
import { lineTooltips } from "./tooltip";

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
  id: SETTINGS,
  description: "Shows the shapes at the ends of the code lines.",
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  optional: [INotebookTracker, ISettingRegistry, ICommandPalette],
  activate(
    app: JupyterFrontEnd,
    registry: IEditorExtensionRegistry,
    tracker: INotebookTracker | null,
    settings: ISettingRegistry | null,
    palette: ICommandPalette | null,
  ) {
    installStyle(document.body);
    const preferences = new Preferences();
    if (settings) preferences.load(settings).catch((error: unknown) => console.warn("conv_magic: no settings", error));
    tracker?.widgetAdded.connect((_, panel) => watchNotebook(panel));
    tracker?.forEach(watchNotebook);
    registry.addExtension({
      name: "conv-magic:annotations",
      factory: ({ model }) => {
        if (!isCodeCell(model)) return null;
        const extension = [annotations(sourceFor(model, preferences)), rowClicks, pinning(model), lineTooltips, drawing];
        return EditorExtensionRegistry.createImmutableExtension(extension);
      },
    });
    if (tracker) addCommands(app, tracker, palette, preferences);
  },
};

/** What one editor shows, and when to look again. */
function sourceFor(model: ICodeCellModel, preferences: Preferences): CellSource {
  const board = boardOf(model);
  board.watch(model);
  return {
    speech: () => board.speechFor(model),
    look: () => preferences.lookOf(model),
    listen(listener) {
      const ends = [board.listen(listener), preferences.listen(model, listener)];
      return () => ends.forEach((end) => end());
    },
  };
}

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
