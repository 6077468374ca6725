import { describe, expect, test } from "vitest";
import { csvOf, markdownOf } from "../src/core/copy";
import { bytesText, secondsText } from "../src/core/figures";
import { finder, wordsOf } from "../src/core/find";
import { rowsOf } from "../src/core/rows";
import { everyRow, rangeText, treeOf, unfolded } from "../src/core/tree";
import { ALL_DRAWN, placesOf, scrollTo, windowOf } from "../src/core/window";
import { isForView, rowByKey } from "../src/view/keys";
import { sample } from "./samples";

describe("the tree", () => {
  const rows = rowsOf(sample("nested"));
  const tree = treeOf(rows);

  test("holds every row once, a loop around its turns", () => {
    expect(tree.map(({ id, turns }) => [id, turns?.length])).toEqual([["loop 0", 4]]);
    expect(everyRow(tree).filter(({ turns }) => !turns).map(({ index }) => index)).toEqual(rows.map(({ index }) => index));
    expect(tree[0]!.inner[1]!.inner.map(({ index }) => index)).toEqual([4, 5]);
  });

  test("a loop's figures are those of its turns together, parameters once, the worst status", () => {
    expect(tree[0]).toMatchObject({ count: 4, macs: 24_840, params: 112, seconds: 1, status: "ok", worst: "warning", outputText: "(1, 4)" });
  });

  test("a call without figures of its own has those of the calls inside it", () => {
    expect(rows[0]).toMatchObject({ params: 112, macs: 108 * 36, seconds: 0.25 });
  });

  test("fewer calls of one place are no loop", () => {
    const three = sample("nested");
    three.trace.calls.length = 9;
    expect(treeOf(rowsOf(three)).map(({ id }) => id)).toEqual(["0", "3", "6"]);
  });

  test("unfolds only what is open", () => {
    const nodes = [{ id: 1, subRows: [{ id: 2, subRows: [{ id: 3, subRows: [] }] }] }] as never[];
    expect(unfolded<{ id: number; subRows: never[] }>(nodes, ({ id }) => id === 1).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("names the range of shapes, or how many there are", () => {
    expect(rangeText([[1, 8, 3], [1, 10, 3], null])).toBe("(1, 8..10, 3)");
    expect(rangeText([[null], [4]])).toBe("(None,)");
    expect(rangeText([[1], [1, 2]])).toBe("2 shapes");
    expect(rangeText([null])).toBe("");
  });
});

describe("the search", () => {
  const document = sample("broken");
  const found = (text: string) => rowsOf(document).filter((row) => finder(document)(row, text)).map((row) => row.index);

  test("finds every word, in any case and order", () => {
    expect(found("CONV2D stem")).toEqual([3, 7]);
    expect(found("filters conv2d")).toEqual([4]); // in its code
    expect(found("nothing")).toEqual([]);
  });

  test("takes a shape as one word", () => {
    expect(wordsOf(" (None, 28,  6) stem (3")).toEqual(["(none, 28,  6)", "stem", "(3"]);
    expect(found("(None, 28, 28, 6)")).toEqual([2, 4, 7]);
  });
});

describe("the window", () => {
  test("holds all of a short table, and of a long one what is in sight and a little more", () => {
    expect(windowOf(ALL_DRAWN, 0, 336, 26)).toEqual({ first: 0, end: ALL_DRAWN });
    expect(windowOf(10_000, 0, 336, 26)).toEqual({ first: 0, end: 36 });
    const { first, end } = windowOf(10_000, 26 * 5_000, 336, 26);
    expect([first <= 4_990, end >= 5_020, end - first < 60]).toEqual([true, true, true]);
    expect(windowOf(10_000, 26 * 10_000, 336, 26).end).toBe(10_000);
    expect(windowOf(200, 26 * 10_000, 336, 26)).toEqual({ first: 200, end: 200 });
  });

  test("has the row with the focus in it always", () => {
    const places = placesOf(1_000, { first: 100, end: 103 }, 5);
    expect(places).toEqual([{ at: 5, gap: 5 }, { at: 100, gap: 94 }, { at: 101, gap: 0 }, { at: 102, gap: 0 }]);
    expect(placesOf(1_000, { first: 0, end: 2 }, 999).at(-1)).toEqual({ at: 999, gap: 997 });
    expect(placesOf(0, { first: 0, end: 0 }, 0)).toEqual([]);
  });

  test("scrolls no more than it must", () => {
    expect(scrollTo(3, 26, 0, 336, 26)).toBe(0);
    expect(scrollTo(100, 26, 0, 336, 26)).toBe(102.5 * 26 - 310);
    expect(scrollTo(10, 26, 1_000, 336, 26)).toBe(260);
  });
});

test("keys lead from row to row, and no further than there are rows", () => {
  const from5 = (key: string) => rowByKey(key, 5, 100, 10);
  expect(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", " ", "x"].map(from5)).toEqual([6, 4, 15, 0, 0, 99, 5, null]);
  expect(rowByKey("End", 0, 0, 10)).toBeNull();
});

test("plain keys are the view's; shortcuts, Escape and Shift+Enter the page's", () => {
  const key = (name: string, more: Partial<KeyboardEvent> = {}) =>
    isForView({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more } as KeyboardEvent);
  expect([key("ArrowUp"), key("ArrowRight", { shiftKey: true }), key("x"), key("Enter"), key(" ")]).toEqual(Array(5).fill(true));
  expect([key("s", { ctrlKey: true }), key("Enter", { shiftKey: true }), key("Escape"), key("F8")]).toEqual(Array(4).fill(false));
});

describe("a copy", () => {
  const sheet = { titles: ["layer", "shape"], rows: [['a "b"', "(1, 2)"], ["x|y_<b>\n`", "=1"]] };

  test("as CSV", () => {
    expect(csvOf(sheet)).toBe('layer,shape\r\n"a ""b""","(1, 2)"\r\n"x|y_<b>\n`",\'=1\r\n');
  });

  test("as Markdown", () => {
    expect(markdownOf(sheet)).toBe('| layer | shape |\n| --- | --- |\n| a "b" | (1, 2) |\n| x\\|y\\_&lt;b&gt; \\` | =1 |\n');
  });
});

test("figures read as a person says them", () => {
  expect([640, 2_097_152].map(bytesText)).toEqual(["640 B", "2.1 MB"]);
  expect([0.00042, 0.021, 1.26, 125].map(secondsText)).toEqual(["0.42 ms", "21 ms", "1.3 s", "2 min 5 s"]);
});
