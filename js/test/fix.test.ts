import { describe, expect, test } from "vitest";
import { applyFix, changesOf, offsetOf, splice, StaleSource } from "../src/core/fix";
import type { Edit, Fix } from "../src/wire/report";
import { sample } from "./samples";

const broken = sample("broken");
const [rebuild, reroute] = broken.diagnoses[0]!.fixes as [Fix, Fix];
const source = broken.trace.sources[0]!.text;

const withEdits = (...edits: Edit[]): Fix => ({ ...rebuild, edits });
const edit = (line: number, column: number, end: number, text: string): Edit => ({
  span: { cell: "this", line, column, end_line: line, end_column: end },
  text,
});

describe("applying a fix", () => {
  test("changes what it says and nothing else", () => {
    const expected = source.replace("x = stem(x)  #", 'x = layers.Conv2D(64, 3, name="stem_2")(x)  #');
    expect(applyFix(broken, rebuild, source)).toBe(expected);
    expect(applyFix(broken, reroute, source)).toBe(source.replace("x = stem(x)", "x = stem(inputs)"));
  });

  test("is refused for any other text than the analysed one", () => {
    expect(() => applyFix(broken, rebuild, `${source} `)).toThrow(StaleSource);
  });

  test("refers to the text as it was, however many edits", () => {
    const fix = withEdits(edit(1, 4, 4, "X"), edit(1, 0, 1, ""), edit(2, 1, 2, "long"));
    expect(splice("abcdef\nxyz\n", changesOf("abcdef\nxyz\n", fix))).toBe("bcdXef\nxlongz\n");
  });

  test("is refused when two edits overlap", () => {
    expect(() => changesOf("abcdef", withEdits(edit(1, 0, 3, "x"), edit(1, 2, 4, "y")))).toThrow("overlap");
  });
});

describe("changes", () => {
  test("are the smallest that do it", () => {
    expect(changesOf("y = f(a, 1)", withEdits(edit(1, 0, 11, "y = f(bb, 1)")))).toEqual([{ from: 6, to: 7, insert: "bb" }]);
    expect(changesOf("same", withEdits(edit(1, 0, 4, "same")))).toEqual([]);
  });

  test("never cut a surrogate pair in two", () => {
    const text = "s = '🙂'"; // U+1F642 and U+1F643 share their first half
    expect(changesOf(text, withEdits(edit(1, 0, text.length, "s = '🙃'")))).toEqual([{ from: 5, to: 7, insert: "🙃" }]);
  });

  test("count columns in UTF-16 units", () => {
    const text = "é = '🙂'; x = 1";
    expect(splice(text, changesOf(text, withEdits(edit(1, 14, 15, "2"))))).toBe("é = '🙂'; x = 2");
  });
});

test("a place past the end is the end", () => {
  expect(offsetOf("ab\ncd", 9, 0)).toBe(5);
  expect(offsetOf("ab\ncd", 2, 1)).toBe(4);
});
