// @vitest-environment happy-dom
import { type ISharedCodeCell, YNotebook } from "@jupyter/ydoc";
import { CodeCellModel, type ICodeCellModel } from "@jupyterlab/cells";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Board, boardOf, MIME_TYPE } from "../src/lab/documents";
import { type Document, SCHEMA } from "../src/wire/report";
import { onTheWire, sample } from "./samples";

let notebook: YNotebook;
let board: Board;
let block: ICodeCellModel;
let running: ICodeCellModel;

const codeCell = (id: string): ICodeCellModel =>
  new CodeCellModel({ sharedModel: notebook.addCell({ cell_type: "code", id }) as unknown as ISharedCodeCell });
const output = (document: unknown) => ({ output_type: "display_data", data: { [MIME_TYPE]: document }, metadata: {} });
const put = (cell: ICodeCellModel, document: Document, count: number) => {
  cell.outputs.clear();
  cell.outputs.add(output(document) as never);
  cell.executionCount = count;
};

beforeEach(() => {
  notebook = new YNotebook();
  [block, running] = [codeCell("cell-block"), codeCell("cell-run")];
  board = boardOf(block);
  board.watch(block);
  board.watch(running);
});

describe("the board of a notebook", () => {
  test("is one for all its cells", () => {
    expect(boardOf(running)).toBe(board);
    notebook = new YNotebook();
    expect(boardOf(codeCell("elsewhere"))).not.toBe(board);
  });

  test("tells a cell of the document in its own output, and an older cell of its part", () => {
    const rang = vi.fn();
    board.listen(rang);
    put(running, sample("broken"), 2);
    expect(rang).toHaveBeenCalled();
    expect(board.speechFor(running)?.source.cell).toBe("this");
    expect(board.speechFor(block)?.source.cell).toBe("older");
  });

  test("reads what is there already", () => {
    const saved = codeCell("cell-run");
    put(saved, sample("broken"), 2);
    board.watch(saved);
    expect(board.speechFor(saved)).not.toBeNull();
  });

  test("is silent again when the outputs are cleared or the cell is taken away", () => {
    put(running, sample("broken"), 2);
    running.outputs.clear();
    expect([board.speechFor(running), board.speechFor(block)]).toEqual([null, null]);
    put(running, sample("broken"), 3);
    board.watchOnly(new Set([block]));
    expect(board.speechFor(block)).toBeNull();
  });

  test("takes the newest run that speaks of a cell", () => {
    put(running, sample("broken"), 2);
    put(block, sample("fine"), 3);
    expect(board.speechFor(block)?.document.trace.sources[0]!.text).toContain("tf.nn.conv2d");
    put(running, sample("broken"), 4);
    expect(board.speechFor(block)?.source.cell).toBe("older");
  });

  test("a run in progress, which has no number yet, is the newest", () => {
    put(block, sample("fine"), 9);
    running.executionCount = null;
    running.outputs.add(output(sample("broken")) as never);
    expect(board.speechFor(block)).toMatchObject({ source: { cell: "older" }, later: "[*]" });
    const rang = vi.fn();
    board.listen(rang);
    running.executionCount = 10;
    expect(rang).toHaveBeenCalled();
    expect(board.speechFor(block)?.later).toBe("[10]");
  });

  test("a copied cell, which has another id, still has its own notes", () => {
    const copy = codeCell("another-id");
    put(copy, sample("broken"), 2);
    board.watch(copy);
    expect(board.speechFor(copy)?.source.cell).toBe("this");
  });

  test("leaves what is not a document alone", () => {
    put(running, { schema: SCHEMA } as unknown as Document, 2);
    expect(board.speechFor(running)).toBeNull();
    put(running, onTheWire("packed") as unknown as Document, 3);
    expect(board.speechFor(running)?.source.cell).toBe("this");
  });

  test("rings only when a document changes", () => {
    put(running, sample("broken"), 2);
    const rang = vi.fn();
    board.listen(rang);
    running.outputs.add({ output_type: "stream", name: "stdout", text: "1" } as never);
    running.outputs.set(0, output(sample("broken")) as never);
    expect(rang).not.toHaveBeenCalled();
    running.outputs.set(0, output({ ...sample("broken"), trying: true }) as never);
    expect(rang).toHaveBeenCalledOnce();
  });
});
