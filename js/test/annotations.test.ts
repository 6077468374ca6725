import { EditorState } from "@codemirror/state";
import { describe, expect, test } from "vitest";
import { anchorsAt, annotations, decorationsOf } from "../src/lab/annotations";
import type { Speech } from "../src/lab/documents";
import { sample } from "./samples";

const document = sample("broken");
const source = document.trace.sources[0]!;
const open = (speech: Speech | null) =>
  EditorState.create({ doc: source.text, extensions: annotations({ current: () => speech, listen: () => () => undefined }) });

/** Every decoration as [line, class or note]. */
function decorations(state: EditorState): [number, string][] {
  const anchors = Array.from({ length: state.doc.lines }, (_, i) => anchorsAt(state, state.doc.line(i + 1).from)?.anchors ?? []);
  const found: [number, string][] = [];
  const set = decorationsOf(anchors.flat(), state.doc);
  for (const cursor = set.iter(); cursor.value; cursor.next()) {
    const { class: name, widget } = cursor.value.spec as { class?: string; widget?: { text: string } };
    found.push([state.doc.lineAt(cursor.from).number, name ?? widget?.text ?? ""]);
  }
  return found;
}

describe("the editor's state", () => {
  const state = open({ document, source });

  test("marks the failing line, its stretch, and the origin", () => {
    expect(decorations(state).filter(([, name]) => name.startsWith("cm-"))).toEqual([
      [4, "cm-convmagic-origin"],
      [8, "cm-convmagic-failed"],
      [8, "cm-convmagic-underline"],
    ]);
  });

  test("has a note at each line that made a shape", () => {
    expect(decorations(state).filter(([, name]) => !name.startsWith("cm-")).map(([line]) => line)).toEqual([2, 3, 4, 6, 7, 8]);
  });

  test("an edited line has no diagnosis to show any more", () => {
    const { from, to } = state.doc.line(8);
    expect(anchorsAt(state, from)?.anchors[0]!.mark.diagnoses).toHaveLength(1);
    const edited = state.update({ changes: { from: to, insert: "!" } }).state;
    expect(anchorsAt(edited, from)?.anchors).toEqual([]);
  });

  test("without a document there is nothing", () => {
    expect(anchorsAt(open(null), 0)).toBeNull();
  });
});
