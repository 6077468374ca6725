/** The live pictures are those of the static page, ink by ink. */

import { expect, test } from "vitest";
import type { Ink } from "../src/picture/ink";
import { pictureOf } from "../src/picture/picture";
import type { Shape } from "../src/core/shape";
import { optionsOf } from "./vectors";
import written from "./pictures.json";

type Seen = [width: number, height: number, inks: unknown[][], words: string[]] | null;
const cases = written as unknown as [unknown[], Shape[], Shape | null, boolean, Seen, Seen][];

const MOST_INKS = 250;
const round = (value: number) => Math.round(value * 100) / 100;

function vectorOf(ink: Ink): unknown[] {
  if (ink.kind === "rect") return ["rect", ink.role, ink.x, ink.y, ink.width, ink.height];
  if (ink.kind === "path") return ["path", ink.role, ink.d];
  return ["text", ink.role, ink.x, ink.y, ink.text, ink.anchor];
}

/** Lengths may differ in the last of the two written places. */
function expectClose(found: unknown[], expected: unknown[], label: string): void {
  expect(found.length, label).toBe(expected.length);
  found.forEach((value, i) => {
    if (typeof value === "number") expect(Math.abs(value - (expected[i] as number)), `${label} ${expected.join(" ")}`).toBeLessThan(0.02);
    else expect(value, label).toEqual(expected[i]);
  });
}

test.each(cases.map((each, i) => [i, each] as const))("picture %i is the static one, side by side and stacked", (_, each) => {
  const [flat, inputs, kernel, strict, beside, stacked] = each;
  for (const [seen, narrow] of [[beside, false], [stacked, true]] as const) {
    const found = pictureOf({ options: optionsOf(flat), inputs, kernel, strict }, narrow);
    if (seen === null) {
      expect(found).toBeNull();
      continue;
    }
    expect(found).not.toBeNull();
    expect(found!.words).toEqual(seen[3]);
    expectClose([found!.scene.width, found!.scene.height], seen.slice(0, 2), "size");
    expect(found!.scene.inks.map((ink) => [ink.kind, ink.role])).toEqual(seen[2].map((ink) => ink.slice(0, 2)));
    found!.scene.inks.forEach((ink, i) => expectClose(vectorOf(ink), seen[2][i]!, JSON.stringify(flat)));
  }
});

test("a picture has few elements, however large the call", () => {
  const options = optionsOf(["conv", [31, 31], [1, 1], "same", [4, 4], 1, 8, "channels_last"]);
  for (const size of [4, 28, 224, 10_000, 1_000_000]) {
    const found = pictureOf({ options, inputs: [[null, size, size, 3]], kernel: null, strict: false })!;
    expect(found.scene.inks.length).toBeLessThan(MOST_INKS);
    const strokes = found.scene.inks.map((ink) => (ink.kind === "path" ? ink.d.length : 0)).reduce((a, b) => a + b, 0);
    expect(strokes).toBeLessThan(40_000);
    expect(round(found.scene.width)).toBeLessThan(620);
  }
});
