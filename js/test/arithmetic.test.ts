/** The front end's arithmetic against vectors that `conv_magic.arithmetic` gave. */

import { describe, expect, test } from "vitest";
import { expectedShape, type Options, type Reason, ShapeProblem, spanOf, type Window } from "../src/core/arithmetic";
import { type Axis, excessOf, geometryOf, lastOf, paddedSize, reads, startOf, unread, unreadEnd } from "../src/core/geometry";
import type { Shape } from "../src/core/shape";
import { optionsOf } from "./vectors";
import written from "./vectors.json";

type Answer = Shape | { reason: Reason; axis: number | null; index: number };

function answer(options: Options, inputs: Shape[], kernel: Shape | null): Answer | null {
  try {
    return expectedShape(options, inputs, kernel);
  } catch (problem) {
    if (!(problem instanceof ShapeProblem)) throw problem;
    return { reason: problem.reason, axis: problem.axis, index: problem.index };
  }
}

test("every shape, and every reason why there is none, is what Python says", () => {
  const cases = written.shapes as unknown as [unknown[], Shape[], Shape | null, Answer][];
  const wrong = cases.filter(([options, inputs, kernel, expected]) => {
    return JSON.stringify(answer(optionsOf(options), inputs, kernel)) !== JSON.stringify(expected);
  });
  expect(wrong.map(([options, inputs, kernel, expected]) => [options, inputs, kernel, expected, answer(optionsOf(options), inputs, kernel)])).toEqual([]);
  const impossible = cases.filter(([, , , expected]) => !Array.isArray(expected));
  expect(cases.length).toBeGreaterThanOrEqual(3000);
  expect(impossible.length).toBeGreaterThan(600);
  expect(new Set(impossible.map(([, , , expected]) => (expected as { reason: Reason }).reason)).size).toBeGreaterThanOrEqual(8);
});

type Given = [size: number, kernel: number, stride: number, padding: Window["padding"], dilation: number];
const axes = written.axes as unknown as [Given, number[], number[]][];

function axisOf([size, kernel, stride, padding, dilation]: Given): Axis {
  const word = typeof padding === "string" ? padding : [padding as [number, number]];
  const options = { family: "conv", kernel_size: [kernel], strides: [stride], padding: word, dilation_rate: [dilation], groups: 1, filters: 1, data_format: "channels_last" } as const;
  return geometryOf(options as unknown as Parameters<typeof geometryOf>[0], [null, size, 1], null)[0]!;
}

describe("the geometry of an axis", () => {
  test("is what Python says", () => {
    for (const [given, numbers, told] of axes) {
      const axis = axisOf(given);
      expect([axis.size, axis.before, axis.after, axis.kernel, axis.stride, axis.dilation, axis.windows], String(given)).toEqual(numbers);
      expect([spanOf(axis), excessOf(axis), lastOf(axis), unreadEnd(axis), unread(axis)], String(given)).toEqual(told);
    }
  });

  test("every window lies inside the padded input, and the next one would not", () => {
    for (const [given] of axes) {
      const axis = axisOf(given);
      if (axis.windows < 1) {
        expect(excessOf(axis)).toBeGreaterThan(0);
        continue;
      }
      expect(startOf(axis, 0)).toBe(0 - axis.before);
      expect(lastOf(axis) + spanOf(axis)).toBeLessThanOrEqual(axis.size + axis.after);
      expect(lastOf(axis) + axis.stride + spanOf(axis)).toBeGreaterThan(axis.size + axis.after);
    }
  });

  test("what falls off is what no window reads, element by element", () => {
    for (const [given] of axes) {
      const axis = axisOf(given);
      if (axis.windows < 1) continue;
      const idle = Array.from({ length: axis.size }, (_, place) => place).filter((place) => !reads(axis, place));
      expect(unread(axis), String(given)).toBe(idle.length);
      const end = idle.filter((place) => place >= lastOf(axis) + spanOf(axis));
      expect(unreadEnd(axis), String(given)).toBe(end.length);
      expect(paddedSize(axis)).toBe(axis.before + axis.size + axis.after);
    }
  });
});
