/** What if: the shape at once, what follows, and the edit. */

import { describe, expect, test } from "vitest";
import { changedOptions, type Choosable, consequencesOf, fixOf, resultOf, sharing, siteOf, stepFollows, withNumber, withPadding } from "../src/core/choices";
import { applyFix, sourceOf } from "../src/core/fix";
import type { CallRecord, Document } from "../src/wire/report";
import { pictured } from "./pictured";

const document: Document = pictured("chain");
const [first, pool, , dense] = document.trace.calls as [CallRecord, CallRecord, CallRecord, CallRecord];
const options = first.options as Choosable;
const lineAfter = (call: CallRecord, chosen: Choosable, line: number) => {
  const fix = fixOf(document, call, chosen, null)!;
  return applyFix(document, fix, sourceOf(document, fix.cell)!.text).split("\n")[line - 1];
};

describe("a choice", () => {
  test("gives its shape at once, or says what does not fit", () => {
    expect(resultOf(withPadding(options, "same"), first.inputs, first.kernel)).toEqual({ shape: [null, 28, 28, 8] });
    expect(resultOf(withNumber(options, "kernel_size", 0, 29, false), first.inputs, first.kernel)?.problem?.reason).toBe("window");
  });

  test("a square stays a square while its first axis is moved", () => {
    expect(withNumber(options, "kernel_size", 0, 5, false)).toMatchObject({ kernel_size: [5, 5] });
    expect(withNumber(options, "kernel_size", 1, 5, false)).toMatchObject({ kernel_size: [3, 5] });
    expect(withNumber(withNumber(options, "strides", 1, 2, false), "strides", 0, 3, false)).toMatchObject({ strides: [3, 2] });
  });

  test("is nothing when it is what is written", () => {
    expect(changedOptions(options, withPadding(withPadding(options, "same"), "valid"), false)).toEqual([]);
    expect(fixOf(document, first, options, null)).toBeNull();
  });
});

describe("what follows", () => {
  test("goes through the calls that depend on it; a layer made in the cell is built anew", () => {
    const found = consequencesOf(document, first.index, [null, 28, 28, 8]);
    expect(found.map(({ call, result }) => [call.op, result?.shape])).toEqual([
      ["MaxPooling2D", [null, 14, 14, 8]],
      ["Flatten", [null, 1568]],
      ["Dense", [null, 10]],
    ]);
  });

  test("a kernel made elsewhere stays as it is, and the call that cannot take the shape says so", () => {
    const elsewhere = structuredClone(document);
    elsewhere.trace.calls.find(({ index }) => index === dense.index)!.created = null;
    const last = consequencesOf(elsewhere, first.index, [null, 28, 28, 8]).at(-1)!;
    expect([last.call.op, last.result?.problem?.reason, last.inputs]).toEqual(["Dense", "channels", [[null, 1568]]]);
  });

  test("ends where nothing changes", () => {
    expect(consequencesOf(document, first.index, [...first.output!])).toEqual([]);
    expect(consequencesOf(document, dense.index, [null, 7])).toEqual([]);
  });
});

describe("the edit", () => {
  test("replaces what is written and adds what is not", () => {
    expect(lineAfter(first, withPadding(options, "same"), 2)).toBe('x = layers.Conv2D(8, 3, name="first", padding="same")(inputs)');
    const both = withNumber(withNumber(options, "kernel_size", 0, 5, false), "strides", 1, 2, false);
    expect(lineAfter(first, both, 2)).toBe('x = layers.Conv2D(8, 5, name="first", strides=(1, 2))(inputs)');
  });

  test("two options that are not written go in together, in order", () => {
    const chosen = withPadding(withNumber(options, "dilation_rate", 0, 2, false), "same");
    expect(lineAfter(first, chosen, 2)).toBe('x = layers.Conv2D(8, 3, name="first", dilation_rate=2, padding="same")(inputs)');
  });

  test("a pool's step follows its size where the text leaves it to it", () => {
    const follows = stepFollows(pool, siteOf(document, pool));
    expect(follows).toBe(true);
    const chosen = withNumber(pool.options as Choosable, "pool_size", 0, 3, follows);
    expect(chosen).toMatchObject({ pool_size: [3, 3], strides: [3, 3] });
    expect(lineAfter(pool, chosen, 3)).toBe("x = layers.MaxPooling2D(pool_size=3)(x)");
    expect(lineAfter(pool, withNumber(chosen, "strides", 0, 1, follows), 3)).toBe("x = layers.MaxPooling2D(pool_size=3, strides=1)(x)");
  });

  test("an earlier fix's text refuses the edit", () => {
    const fix = fixOf(document, first, withPadding(options, "same"), null)!;
    expect(() => applyFix(document, fix, "another text")).toThrow("changed");
  });

  test("there is none where the text of the option was not found", () => {
    const bare = { ...document, sites: [] };
    expect(fixOf(bare, first, withPadding(options, "same"), null)).toBeNull();
    expect(sharing(document, first)).toBe(1);
  });
});
