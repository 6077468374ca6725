import { describe, expect, test } from "vitest";
import { splice } from "../src/core/fix";
import type { PlacedMark } from "../src/lab/annotations";
import { pinsOf, unpinned } from "../src/lab/pins";

const mark = (line: number, pin: string | null, freshness: PlacedMark["freshness"] = "fresh") =>
  ({ line, freshness, mark: { pin } }) as PlacedMark;
const pinned = (text: string, ...marks: PlacedMark[]) => splice(text, pinsOf(marks, text));
const bare = (text: string) => splice(text, unpinned(text));

describe("writing shapes", () => {
  const text = "x = f(x)\ny = g(x)  # why\nz = h(y)  # shape: (B, 3)";

  test("behind the lines, and behind other comments", () => {
    expect(pinned(text, mark(1, "# shape: (B, 2)"), mark(2, "# shape: (B, 4)"))).toBe(
      "x = f(x)  # shape: (B, 2)\ny = g(x)  # why  # shape: (B, 4)\nz = h(y)  # shape: (B, 3)",
    );
  });

  test("in the place of a pin that no longer holds", () => {
    expect(pinned(text, mark(3, "# shape: (B, 5)"))).toContain("z = h(y)  # shape: (B, 5)");
  });

  test("once, and never beside a shape in the author's own words", () => {
    expect(pinned(text, mark(3, "# shape: (B, 3)"))).toBe(text);
    const own = "x = f(x)  # shape: (N, H, W)";
    expect(pinned(own, mark(1, "# shape: (B, 2, 2)"))).toBe(own);
  });

  test("never of a line that has changed, nor of one without a shape to state", () => {
    expect(pinned(text, mark(1, "# shape: (B, 2)", "stale"), mark(2, "# shape: (B,)", "suspect"), mark(3, null))).toBe(text);
  });
});

describe("taking them out", () => {
  test.each([
    ["x = f(x)  # shape: (B, 26, 26, 32)", "x = f(x)"],
    ["x = f(x)  # why  # shape: (B, _)  # and", "x = f(x)  # why  # and"],
    ["x = f(x)  # shape: ()\ny = 1", "x = f(x)\ny = 1"],
    ["x = f(x)  # shape: (7,)", "x = f(x)"],
    ["x, y = f(x)  # shape: (B, 28, 28), (B,)", "x, y = f(x)"],
  ])("%s", (text, without) => expect(bare(text)).toBe(without));

  test.each([
    "x = f(x)  # shape: (N, H, W, 3)",
    "x = f(x)  # shape: (B, ..., 3)",
    "x = f(x)  # the shape: (B, 3)",
    "x = '# shape: (B, 3)'",
    "# shape: (B, 3)",
    'x = """\n# shape: (1, 2)\n"""',
  ])("%s is the author's own", (text) => expect(bare(text)).toBe(text));
});
