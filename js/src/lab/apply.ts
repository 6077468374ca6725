/** Does what the view asks for: a fix into its cell as one undo step, the cell run, a line shown. */

import { CodeCell } from "@jupyterlab/cells";
import { type INotebookTracker, NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";
import { APPLY, type ApplyRequest, OFFER, REVEAL, type RevealRequest } from "../core/actions";
import { changesOf, offsetOf } from "../core/fix";
import { goTo } from "./cursor";
import { writeChanges } from "./write";

const CHANGED = "the cell has changed since it was analysed; run it again";
const NO_CELL = "the cell is no longer in this notebook";

interface Place {
  panel: NotebookPanel;
  cell: CodeCell;
  /** The cell to run after it: the one in which the fault showed. */
  next: CodeCell | null;
}

/** Listen for the view's requests anywhere in the page; returns what stops it. */
export function listenForRequests(tracker: INotebookTracker): () => void {
  const onApply = (event: Event) => apply(event as CustomEvent<ApplyRequest>, tracker);
  const onReveal = (event: Event) => reveal(event as CustomEvent<RevealRequest>, tracker);
  const onOffer = (event: Event) => event.preventDefault();
  document.addEventListener(OFFER, onOffer);
  document.addEventListener(APPLY, onApply);
  document.addEventListener(REVEAL, onReveal);
  return () => {
    document.removeEventListener(OFFER, onOffer);
    document.removeEventListener(APPLY, onApply);
    document.removeEventListener(REVEAL, onReveal);
  };
}

function apply(event: CustomEvent<ApplyRequest>, tracker: INotebookTracker): void {
  const request = event.detail;
  const places = placesOf(event, request, tracker);
  const place = places.find(({ cell }) => cell.model.sharedModel.getSource() === request.source);
  if (!place) {
    request.refused = places.length > 0 ? CHANGED : NO_CELL;
    return;
  }
  event.preventDefault();
  writeChanges(place.cell.model, changesOf(request.source, request.fix));
  if (request.run) void run(place, request.reruns);
}

/** Run the changed cell, those that work on what it made, and the one in which the fault showed. */
async function run({ panel, cell, next }: Place, reruns: readonly (string | null)[]): Promise<void> {
  const { content: notebook, sessionContext } = panel;
  const between = codeCells(panel).filter(({ model }) => reruns.includes(model.id));
  for (const each of new Set([cell, ...between, next ?? cell])) {
    notebook.deselectAll();
    notebook.activeCellIndex = notebook.widgets.indexOf(each);
    if (!(await NotebookActions.run(notebook, sessionContext))) return;
  }
}

function reveal(event: CustomEvent<RevealRequest>, tracker: INotebookTracker): void {
  const { cell_id, span, source } = event.detail;
  const places = placesOf(event, { cell_id, ran_id: null }, tracker);
  const place = places.find(({ cell }) => cell.model.sharedModel.getSource() === source) ?? places[0];
  if (!place) return;
  event.preventDefault();
  const { panel, cell } = place;
  void goTo(panel, cell, offsetOf(cell.model.sharedModel.getSource(), span.line, span.column));
}

const codeCells = (panel: NotebookPanel) => panel.content.widgets.filter((cell) => cell instanceof CodeCell);

/** Where the request may mean: the cell it came from, then the cell of that id; notebooks that show it first. */
function placesOf(event: Event, { cell_id, ran_id }: { cell_id: string | null; ran_id: string | null }, tracker: INotebookTracker): Place[] {
  const origin = event.composedPath()[0];
  const node = origin instanceof Element ? origin : null;
  const panels: NotebookPanel[] = [];
  tracker.forEach((panel) => (panel.node.contains(node) ? panels.unshift(panel) : panels.push(panel)));
  return panels.flatMap((panel) => {
    const cells = codeCells(panel);
    const holder = cells.find((cell) => cell.node.contains(node)) ?? null;
    const named = cells.find((cell) => cell.model.id === cell_id);
    const ran = cells.find((cell) => cell.model.id === ran_id) ?? null;
    return [holder, named].flatMap((cell) => (cell ? [{ panel, cell, next: holder && holder !== cell ? holder : ran }] : []));
  });
}
