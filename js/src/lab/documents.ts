/**
 * The documents in a notebook's outputs, and which of them speak of which cell.
 *
 * One board per notebook.  A document lies in the outputs of the cell that ran; its notes may belong to older
 * cells too, where the functions were written.
 */

import type { ICodeCellModel } from "@jupyterlab/cells";
import type { Document, Source } from "../report";
import { readDocument } from "../wire";

export const MIME_TYPE = "application/vnd.conv-magic.v1+json";

/** A document's word on one cell. */
export interface Speech {
  document: Document;
  source: Source;
}

interface Watched {
  document: Document | null;
  /** The data as text: what it was read from, to see whether it has changed. */
  text: string | undefined;
  read: () => void;
}

/** What each cell holds, told to every listener when it changes. */
export class Board {
  private readonly cells = new Map<ICodeCellModel, Watched>();
  private readonly listeners = new Set<() => void>();

  /** Read the cell's outputs, now and at each change. */
  watch(cell: ICodeCellModel): void {
    if (this.cells.has(cell)) return;
    const watched: Watched = { document: null, text: undefined, read: () => this.read(cell, watched) };
    this.cells.set(cell, watched);
    cell.outputs.changed.connect(watched.read);
    watched.read();
  }

  /** Watch exactly `cells`: those of the notebook as it is now. */
  watchOnly(cells: ReadonlySet<ICodeCellModel>): void {
    const left = [...this.cells].filter(([cell]) => !cells.has(cell));
    for (const [cell, { read }] of left) {
      if (!cell.isDisposed) cell.outputs.changed.disconnect(read);
      this.cells.delete(cell);
    }
    for (const cell of cells) this.watch(cell);
    if (left.some(([, { document }]) => document)) this.tell();
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The newest document that has something to say about `cell`; its own one before those of equal age. */
  speechFor(cell: ICodeCellModel): Speech | null {
    const found = [...this.cells].flatMap(([holder, { document }]) => {
      const source = document && sourceFor(document, holder, cell);
      return document && source ? [{ document, source, own: holder === cell, age: holder.executionCount ?? -1 }] : [];
    });
    found.sort((a, b) => b.age - a.age || Number(b.own) - Number(a.own));
    return found[0] ?? null;
  }

  private read(cell: ICodeCellModel, watched: Watched): void {
    const data = rawDocument(cell);
    const text = JSON.stringify(data);
    if (text === watched.text) return;
    watched.text = text;
    watched.document = readDocument(data).document ?? null;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

const boards = new WeakMap<object, Board>();

/** The board of the cell's notebook; a cell outside a notebook has one of its own. */
export function boardOf(cell: ICodeCellModel): Board {
  const notebook: object = cell.sharedModel.notebook ?? cell.sharedModel;
  const board = boards.get(notebook) ?? new Board();
  boards.set(notebook, board);
  return board;
}

function rawDocument(cell: ICodeCellModel): unknown {
  let found: unknown;
  for (let i = 0; i < cell.outputs.length; i++) found = cell.outputs.get(i).data[MIME_TYPE] ?? found;
  return found;
}

/** The cell that ran is the holder, whatever id it had then; others are known by their id. */
function sourceFor(document: Document, holder: ICodeCellModel, cell: ICodeCellModel): Source | undefined {
  const [ran, ...older] = document.trace.sources;
  const speaksOf = ({ cell: key }: Source) =>
    document.notes.some((note) => note.cell === key) || document.diagnoses.some((d) => d.span?.cell === key || d.origin?.cell === key);
  if (holder === cell) return ran;
  return older.find((source) => source.cell_id === cell.id && speaksOf(source));
}
