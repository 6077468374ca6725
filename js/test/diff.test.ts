import { describe, expect, test } from "vitest";
import { alignLines, diffLines } from "../src/core/diff";

describe("the diff of a fix", () => {
  const lines = diffLines("a\nx = f(1, s)\nb\nc\nd\n", "a\nx = f(22, s)\nb\nc\nd\n");

  test("numbers both sides and keeps one line around", () => {
    expect(lines.map(({ kind, before, after }) => [kind, before, after])).toEqual([
      ["same", 1, 1],
      ["removed", 2, null],
      ["added", null, 2],
      ["same", 3, 3],
    ]);
  });

  test("marks what differs within the line", () => {
    expect(lines[1]!.parts).toEqual([
      { text: "x = f(", changed: false },
      { text: "1", changed: true },
      { text: ", s)", changed: false },
    ]);
    expect(lines[2]!.parts[1]).toEqual({ text: "22", changed: true });
  });

  test("says where lines are left out", () => {
    const long = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    const kinds = diffLines(long, long.replace("1", "one").replace("8", "eight")).map((line) => line.kind);
    expect(kinds.filter((kind) => kind === "gap")).toHaveLength(1);
  });

  test("does not show git's remark on a missing last line break", () => {
    expect(diffLines("a", "b").map((line) => line.kind)).toEqual(["removed", "added"]);
  });

  test("leaves lines whole where their numbers differ", () => {
    expect(diffLines("a\nb\n", "c\n").every((line) => line.parts.every((part) => !part.changed))).toBe(true);
  });
});

describe("aligning lines", () => {
  test.each([
    ["same", ["a", "b"], ["a", "b"], [0, 1]],
    ["a line above", ["a", "b"], ["new", "a", "b"], [1, 2]],
    ["a changed line", ["a", "b", "c"], ["a", "B", "c"], [0, 1, 2]],
    ["two changed lines", ["a", "b", "c"], ["A", "B", "c"], [0, 1, 2]],
    ["a deleted line", ["a", "b", "c"], ["a", "c"], [0, null, 1]],
    ["one line made two: no guess", ["a", "b", "c"], ["a", "x", "y", "c"], [0, null, 3]],
    ["nothing left", ["a", "b"], [""], [null, null]],
  ])("%s", (_, executed, present, places) => {
    expect(alignLines(executed, present)).toEqual(places);
  });
});
