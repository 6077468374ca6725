/** Shapes as text, and two shapes one above the other. */

export type Shape = readonly (number | null)[];

/** One axis of a comparison; `undefined` where a shape lacks it. */
export interface AxisPair {
  name: string | null;
  expected: number | null | undefined;
  actual: number | null | undefined;
  differs: boolean;
}

export const axisText = (size: number | null): string => (size === null ? "None" : String(size));

/** As Python writes it: `(None, 28, 28, 3)`, `(64,)`, `()`. */
export function shapeText(shape: Shape): string {
  return shape.length === 1 ? `(${axisText(shape[0]!)},)` : `(${shape.map(axisText).join(", ")})`;
}

/** The axes of both shapes side by side; `axes` are the places of `expected` that differ or are missing. */
export function pairAxes(
  expected: Shape,
  actual: Shape,
  axes: readonly number[],
  names: readonly string[],
): AxisPair[] {
  const differing = new Set(axes);
  const more = Math.max(actual.length - expected.length, 0);
  const missing = expected.length - actual.length;
  const skips = missing > 0 && differing.size === missing; // the places named are those that are not there
  let next = more;
  const surplus = actual.slice(0, more).map((size): AxisPair => ({ name: null, expected: undefined, actual: size, differs: true }));
  const pairs = expected.map((size, axis): AxisPair => {
    const absent = skips ? differing.has(axis) : axis < missing;
    const found = absent ? undefined : actual[next++];
    return { name: names[axis] ?? null, expected: size, actual: found, differs: absent || differing.has(axis) };
  });
  return [...surplus, ...pairs];
}

/** Whether the arithmetic and what came agree (an unknown axis agrees with any). */
export function agree(expected: Shape, output: Shape): boolean {
  return expected.length === output.length && expected.every((size, i) => size === null || output[i] === null || size === output[i]);
}
