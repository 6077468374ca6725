import { EditorState } from "@codemirror/state";
import { describe, expect, test } from "vitest";
import { allMarks, annotations, decorationsOf, marksAt } from "../src/lab/annotations";
import type { Speech } from "../src/lab/documents";
import type { Look } from "../src/lab/preferences";
import { sample } from "./samples";

const document = sample("broken");
const [source, older] = document.trace.sources as [Speech["source"], Speech["source"]];
const plain: Look = { detail: "output", clickToPin: true, hidden: [] };
const open = (speech: Speech | null, look: Partial<Look> = {}) =>
  EditorState.create({
    doc: speech?.source.text ?? "",
    extensions: annotations({ speech: () => speech, look: () => ({ ...plain, ...look }), listen: () => () => undefined }),
  });

/** Every decoration as [line, class or note]. */
function decorations(state: EditorState): [number, string][] {
  const found: [number, string][] = [];
  for (const cursor = decorationsOf(state).iter(); cursor.value; cursor.next()) {
    const { class: name, widget } = cursor.value.spec as { class?: string; widget?: { text: string } };
    found.push([state.doc.lineAt(cursor.from).number, name ?? widget?.text ?? ""]);
  }
  return found;
}

const notes = (state: EditorState) => Object.fromEntries(decorations(state).filter(([, name]) => !name.startsWith("cm-")));
const freshness = (state: EditorState) => Object.fromEntries(allMarks(state)!.marks.map((mark) => [mark.line, mark.freshness]));
const edit = (state: EditorState, line: number, text: string) =>
  state.update({ changes: { from: state.doc.line(line).to, insert: text } }).state;

describe("the editor's state", () => {
  const speech: Speech = { document, source, later: null };
  const state = open(speech);

  test("marks the failing line, its stretch, and the origin", () => {
    expect(decorations(state).filter(([, name]) => name.startsWith("cm-"))).toEqual([
      [4, "cm-convmagic-origin"],
      [8, "cm-convmagic-failed"],
      [8, "cm-convmagic-underline"],
    ]);
  });

  test("has a note at each line that made a shape", () => {
    expect(Object.keys(notes(state)).map(Number)).toEqual([2, 3, 4, 6, 7, 8]);
  });

  test("says what went in where that is asked for", () => {
    expect(notes(state)[6]).toBe("(None, 26, 26, 64)");
    expect(notes(open(speech, { detail: "input-output" }))[6]).toBe("(None, 28, 28, 3) -> (None, 26, 26, 64)");
  });

  test("shows problems also where no shapes are wanted", () => {
    expect(Object.keys(notes(open(speech, { detail: "off" })))).toEqual(["8"]);
    const hidden = ["preview = stem(inputs)", "x = stem(x)"];
    expect(Object.keys(notes(open(speech, { hidden })))).toEqual(["2", "3", "4", "7", "8"]);
  });

  test("a changed line is stale, what stands below it suspect; a comment changes nothing", () => {
    const changed = edit(state, 4, "[0]");
    expect(freshness(changed)).toEqual({ 2: "fresh", 3: "fresh", 4: "stale", 6: "suspect", 7: "suspect", 8: "suspect" });
    expect(new Set(Object.values(freshness(edit(state, 4, "  # shape: (B, 28, 28, 6)"))))).toEqual(new Set(["fresh"]));
    expect(freshness(edit(state, 8, "  # two"))[8]).toBe("stale"); // a problem may be about the comment
  });

  test("while one types, what is drawn is what would be drawn anew", () => {
    const places = (drawn: EditorState) => {
      const found: unknown[] = [];
      for (const cursor = decorationsOf(drawn).iter(); cursor.value; cursor.next()) found.push([cursor.from, cursor.to]);
      return found;
    };
    let typed = state;
    for (const [line, text] of [[6, "a"], [6, "b"], [3, "c"], [3, "d"], [8, " "], [8, "e"], [7, "  # f"]] as const) {
      typed = edit(typed, line, text);
      const longer = edit(typed, 1, "\n");
      const { to } = longer.doc.line(1);
      const anew = longer.update({ changes: { from: to, to: to + 1 } }).state;
      expect(anew.doc.toString()).toBe(typed.doc.toString());
      expect([decorations(typed), places(typed)]).toEqual([decorations(anew), places(anew)]);
    }
  });

  test("a line added or taken away makes what stands below it suspect", () => {
    expect(freshness(edit(state, 3, "\nprint(1)"))).toMatchObject({ 3: "fresh", 5: "suspect", 9: "suspect" });
    expect(new Set(Object.values(freshness(edit(state, 3, "\n\n# why"))))).toEqual(new Set(["fresh"]));
    const { from } = state.doc.line(6);
    const shorter = state.update({ changes: { from, to: state.doc.line(7).from } }).state;
    expect(freshness(shorter)).toMatchObject({ 4: "fresh", 6: "suspect", 7: "suspect" });
  });

  test("a cell of an older run is told apart", () => {
    expect(notes(open({ document, source: older, later: "[7]" }))).toEqual({
      2: "(None, 28, 28, 32)",
      3: "(None, 28, 28, 32)",
      4: "(None, 14, 14, 32)",
    });
  });

  test("without a document there is nothing", () => {
    expect(marksAt(open(null), 0)).toBeNull();
  });
});
