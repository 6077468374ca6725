/**
 * The documents in a notebook's outputs, and which of them speak of which cell.
 *
 * One board per notebook.  A document lies in the outputs of the cell that ran; its notes may belong to older
 * cells too, where the functions were written.
 */

import type { ICellModel, ICodeCellModel } from "@jupyterlab/cells";
import type { Document, Source } from "../wire/report";
import { readDocument } from "../wire/wire";

export const MIME_TYPE = "application/vnd.conv-magic.v1+json";

/** A document's word on one cell; `later` names the run (`[5]`) where another cell's run speaks of this one. */
export interface Speech {
  document: Document;
  source: Source;
  later: string | null;
}

interface Watched {
  /** As it lies in the output, to see at once that nothing changed: a document may be large. */
  raw: unknown;
  /** The same as text, to see whether an update changed anything. */
  text: string | undefined;
  document: Document | null;
  /** The how many-eth run that this page saw; 0 for what was there when the notebook was opened. */
  run: number;
  read: () => void;
  recount: (model: ICellModel, change: { name: string }) => void;
}

/** What each cell holds, told to every listener when it changes. */
export class Board {
  private readonly cells = new Map<ICodeCellModel, Watched>();
  private readonly listeners = new Set<() => void>();
  private runs = 0;

  /** Read the cell's outputs, now and at each change. */
  watch(cell: ICodeCellModel): void {
    if (this.cells.has(cell)) return;
    const watched: Watched = {
      raw: undefined,
      text: undefined,
      document: null,
      run: 0,
      read: () => this.read(cell, watched),
      recount: (_, { name }) => {
        if (name === "executionCount" && watched.document) this.tell();
      },
    };
    this.cells.set(cell, watched);
    cell.outputs.changed.connect(watched.read);
    cell.stateChanged.connect(watched.recount);
    watched.read();
    watched.run = 0;
  }

  /** Watch exactly `cells`: those of the notebook as it is now. */
  watchOnly(cells: ReadonlySet<ICodeCellModel>): void {
    const left = [...this.cells].filter(([cell]) => !cells.has(cell));
    for (const [cell, { read, recount }] of left) {
      if (!cell.isDisposed) {
        cell.outputs.changed.disconnect(read);
        cell.stateChanged.disconnect(recount);
      }
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
    const found = [...this.cells].flatMap(([holder, { document, run }]) => {
      const source = document && sourceFor(document, holder, cell);
      return document && source ? [{ document, source, holder, run, count: holder.executionCount ?? -1 }] : [];
    });
    const own = ({ holder }: { holder: ICodeCellModel }) => Number(holder === cell);
    const [newest] = found.sort((a, b) => b.run - a.run || b.count - a.count || own(b) - own(a));
    if (!newest) return null;
    const { document, source, holder } = newest;
    return { document, source, later: holder === cell ? null : `[${holder.executionCount ?? "*"}]` };
  }

  private read(cell: ICodeCellModel, watched: Watched): void {
    const raw = rawDocument(cell);
    if (raw === watched.raw) return;
    watched.raw = raw;
    const text = JSON.stringify(raw);
    if (text === watched.text) return;
    watched.text = text;
    const before = watched.document;
    watched.document = readDocument(raw).document ?? null;
    if (!before && watched.document) watched.run = ++this.runs;
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

/** `toJSON()`, since `data` copies the whole bundle at each look. */
function rawDocument(cell: ICodeCellModel): unknown {
  let found: unknown;
  for (let i = 0; i < cell.outputs.length; i++) {
    const { data } = cell.outputs.get(i).toJSON() as { data?: Record<string, unknown> };
    found = data?.[MIME_TYPE] ?? found;
  }
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
