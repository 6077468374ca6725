import { type ChangeSpec, EditorState } from "@codemirror/state";
import { history, undo } from "@codemirror/commands";
import { describe, expect, test } from "vitest";
import { codeOf, Comparison } from "../src/lab/code";
import { type Anchor, mapAnchors, marksOf, placeMarks, shownLine } from "../src/lab/notes";
import { sample } from "./samples";

const broken = sample("broken");
const [cell, block] = broken.trace.sources.map((source) => source.text) as [string, string];
const marks = marksOf(broken, "this");

/** What an editor of `content` shows after `changes`, as line number -> note (struck ones in tildes). */
class Editor {
  state: EditorState;
  anchors: readonly Anchor[];

  constructor(
    content = cell,
    private readonly executed = cell,
    shown = marks,
  ) {
    this.state = EditorState.create({ doc: content, extensions: [history()] });
    this.anchors = placeMarks(shown, executed, this.state.doc);
  }

  change(changes: ChangeSpec): this {
    return this.take(this.state.update({ changes }));
  }

  undo(): this {
    undo({ state: this.state, dispatch: (transaction) => this.take(transaction) });
    return this;
  }

  private take(transaction: ReturnType<EditorState["update"]>): this {
    this.anchors = mapAnchors(this.anchors, transaction.changes, this.state.doc, transaction.newDoc);
    this.state = transaction.state;
    return this;
  }

  get shown(): Record<number, string> {
    const { doc } = this.state;
    const comparison = new Comparison(codeOf(this.executed), doc.toString());
    const entries = this.anchors.filter((anchor) => shownLine(anchor, doc)).map(({ mark, at }) => {
      const { number } = doc.lineAt(at);
      return [number, comparison.of(mark, number) === "stale" ? `~${mark.text}~` : mark.text];
    });
    return Object.fromEntries(entries);
  }

  line(number: number) {
    return this.state.doc.line(number);
  }
}

const EXECUTED = {
  2: "(None, 28, 28, 3)",
  3: "(None, 28, 28, 3)",
  4: "(None, 28, 28, 6)",
  6: "(None, 26, 26, 64)",
  7: "(None, 14, 14, 32)",
  8: "cannot take (None, 28, 28, 6)",
};
const without = (...lines: number[]) => Object.fromEntries(Object.entries(EXECUTED).filter(([line]) => !lines.includes(Number(line))));
const from = (line: number, by: number) =>
  Object.fromEntries(Object.entries(EXECUTED).map(([at, note]) => [Number(at) >= line ? Number(at) + by : at, note]));

describe("marks of a cell", () => {
  test("hold the note, the failing stretch, and where the number comes from", () => {
    const failing = marks.find((mark) => mark.line === 8)!;
    expect(failing).toMatchObject({ status: "failed", underline: [4, 11], diagnoses: [broken.diagnoses[0]] });
    expect(marks.find((mark) => mark.line === 4)).toMatchObject({ status: "origin", diagnoses: [] });
    expect(marks.find((mark) => mark.line === 4)!.originOf[0]!.origin_note).toContain("Concatenate");
  });

  test("are those of the cell asked for", () => {
    expect(marksOf(broken, "older").map((mark) => [mark.line, mark.text])).toEqual([
      [2, "(None, 28, 28, 32)"],
      [3, "(None, 28, 28, 32)"],
      [4, "(None, 14, 14, 32)"],
    ]);
    expect(new Editor(block, block, marksOf(broken, "older")).shown).toHaveProperty("4", "(None, 14, 14, 32)");
  });

  test("a diagnosis marks its line also where no note stands", () => {
    const silent = { ...broken, notes: [] };
    expect(marksOf(silent, "this").map((mark) => [mark.line, mark.status])).toEqual([
      [4, "origin"],
      [8, "failed"],
    ]);
  });

  test("a stretch over several lines leaves out the indentation", () => {
    const document = sample("broken");
    document.trace.sources[0]!.text = "x = layer(\n    image,\n)\n";
    document.diagnoses[0]!.span = { cell: "this", line: 1, column: 4, end_line: 3, end_column: 1 };
    document.notes = [];
    document.diagnoses[0]!.origin = null;
    expect(marksOf(document, "this").map((mark) => mark.underline)).toEqual([[4, 10], [4, 10], [0, 1]]);
  });
});

describe("placing on a text that is not the executed one", () => {
  test("the same text", () => expect(new Editor().shown).toEqual(EXECUTED));

  test("lines above", () => expect(new Editor(`# new\n\n${cell}`).shown).toEqual(from(0, 2)));

  test("a changed line is struck, a deleted one has no note", () => {
    expect(new Editor(cell.replace("(28, 28, 3)", "(32, 32, 3)")).shown).toEqual({ ...EXECUTED, 2: "~(None, 28, 28, 3)~" });
    const deleted = cell.split("\n").filter((line) => !line.startsWith("preview"));
    expect(new Editor(deleted.join("\n")).shown).toEqual({
      ...without(6, 7, 8),
      6: EXECUTED[7],
      7: EXECUTED[8],
    });
  });

  test("another text altogether", () => expect(new Editor("print(1)").shown).toEqual({}));
});

describe("editing", () => {
  test("a line above moves the notes below it", () => {
    const editor = new Editor();
    expect(editor.change({ from: editor.line(4).from, insert: "# why\n" }).shown).toEqual(from(4, 1));
  });

  test("a line break at the start of a line takes its note along", () => {
    const editor = new Editor();
    expect(editor.change({ from: editor.line(4).from, insert: "\n" }).shown).toEqual(from(4, 1));
  });

  test("a line break at the end of a line leaves its note", () => {
    const editor = new Editor();
    expect(editor.change({ from: editor.line(4).to, insert: "\n" }).shown).toEqual(from(5, 1));
  });

  test("typing in a line strikes its note, undo and typing back un-strike it", () => {
    const editor = new Editor();
    const { to } = editor.line(3);
    const struck = { ...EXECUTED, 3: "~(None, 28, 28, 3)~" };
    expect(editor.change({ from: to, insert: "x" }).shown).toEqual(struck);
    expect(editor.change({ from: to, to: to + 1 }).shown).toEqual(EXECUTED);
    expect(editor.change({ from: editor.line(3).from, insert: "y" }).shown).toEqual(struck);
    expect(editor.undo().shown).toEqual(EXECUTED);
  });

  test("a replaced line keeps its note, struck", () => {
    const editor = new Editor();
    const { from: start, to } = editor.line(8);
    expect(editor.change({ from: start, to, insert: "x = None" }).shown).toEqual({ ...EXECUTED, 8: `~${EXECUTED[8]}~` });
  });

  test("an emptied line shows no note, undo brings it back", () => {
    const editor = new Editor();
    expect(editor.change({ from: editor.line(3).from, to: editor.line(3).to }).shown).toEqual(without(3));
    expect(editor.undo().shown).toEqual(EXECUTED);
  });

  test("a deleted line's note is gone, undo brings it back", () => {
    const editor = new Editor();
    editor.change({ from: editor.line(4).from, to: editor.line(5).from });
    expect(editor.shown).toEqual({ ...without(4, 6, 7, 8), 5: EXECUTED[6], 6: EXECUTED[7], 7: EXECUTED[8] });
    expect(editor.undo().shown).toEqual(EXECUTED);
  });

  test("all deleted, undone", () => {
    const editor = new Editor();
    expect(editor.change({ from: 0, to: editor.state.doc.length }).shown).toEqual({});
    expect(editor.undo().shown).toEqual(EXECUTED);
  });

  test("a moved line takes its note along", () => {
    const editor = new Editor(); // as the editor's own command does it: the neighbour is taken away and put behind
    const [moved, next] = [editor.line(3), editor.line(4)];
    editor.change([
      { from: moved.to, to: next.to },
      { from: moved.from, insert: `${next.text}\n` },
    ]);
    expect(editor.shown).toEqual({ ...EXECUTED, 3: EXECUTED[4], 4: EXECUTED[3] });
  });

  test("a text put in at once, as a formatter does, keeps the notes on their lines", () => {
    const editor = new Editor();
    const formatted = cell.replace("inputs = keras", "\ninputs = keras").replace("edges =", "edges  =");
    editor.change({ from: 0, to: editor.state.doc.length, insert: formatted });
    expect(editor.shown).toMatchObject({ 5: EXECUTED[4], 7: EXECUTED[6], 9: EXECUTED[8] });
  });

  test("equal lines keep their own notes", () => {
    const content = "x = f(x)\nx = f(x)\nx = f(x)";
    const mark = (line: number) => ({ ...marks[0]!, line, text: String(line) });
    const editor = new Editor(content, content, [mark(1), mark(2), mark(3)]);
    expect(editor.change({ from: 0, insert: "x = f(x)\n" }).shown).toEqual({ 2: "1", 3: "2", 4: "3" });
    editor.change({ from: editor.line(3).from, to: editor.line(4).from });
    expect(editor.shown).toEqual({ 2: "1", 3: "3" });
  });
});
