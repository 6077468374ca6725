// @vitest-environment happy-dom
/**
 * Documents changed by seed: each is drawn, or refused in one sentence; nothing is thrown.
 *
 * With `MUTATED=file` also those that `tests/run_mutated_documents.py --write file` wrote, each in less than a second.
 */

// @ts-expect-error: the types of node are not installed
import { readFileSync } from "node:fs";
import { act } from "preact/test-utils";
import { expect, test } from "vitest";
import { domActions } from "../src/core/actions";
import { renderReport } from "../src/view/render";
import { readDocument } from "../src/wire/wire";
import { onTheWire, sample } from "./samples";

declare const process: { env: Record<string, string | undefined> };

const VALUES = [0, 1, -1, 99, 1e9, -1e9, 2 ** 53, 1e30, -1e30, 0.5, "", "99", "<b>", null, true, [], {}, [null], { all: 1 }, { pool: [0] }];

type Place = [Record<string, unknown>, string];

function* placesIn(data: object): Generator<Place> {
  for (const [key, value] of Object.entries(data)) {
    yield [data as Record<string, unknown>, key];
    if (typeof value === "object" && value !== null) yield* placesIn(value as object);
  }
}

/** https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (mulberry32) */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function mutated(seed: number): unknown {
  const next = random(seed);
  const bases = [sample("broken"), sample("hostile"), sample("nested"), onTheWire("packed"), onTheWire("cut")];
  const data = bases[next(bases.length)]!;
  for (let left = 1 + next(2); left; left--) {
    const places = [...placesIn(data)];
    const numbers = places.filter(([around, key]) => typeof around[key] === "number");
    const among = next(2) && numbers.length ? numbers : places;
    const [around, key] = among[next(among.length)]!;
    if (next(6)) around[key] = structuredClone(VALUES[next(VALUES.length)]);
    else delete around[key];
  }
  return data;
}

/** How it went, and how many milliseconds it took. */
function outcome(data: unknown): [string, number] {
  const started = performance.now();
  const host = document.createElement("div");
  const read = readDocument(data);
  if (read.document) {
    const report = read.document;
    act(() => {
      const view = renderReport(host, report, domActions(host, () => report), { selected: null, onSelect() {} });
      view.update(report, { selected: report.trace.calls[0]?.index ?? null, onSelect() {} });
      view.dispose();
    });
  }
  return [read.refused === undefined ? "drawn" : "refused", performance.now() - started];
}

test("a changed document is drawn or refused", () => {
  const told = new Map<string, number>();
  for (let seed = 0; seed < 150; seed++) {
    const [found] = outcome(mutated(seed));
    told.set(found, (told.get(found) ?? 0) + 1);
  }
  expect([...told.keys()].sort()).toEqual(["drawn", "refused"]);
});

test.runIf(process.env.MUTATED)("those of the script are drawn or refused in less than a second", { timeout: 3_600_000 }, () => {
  const told: Record<string, number> = {};
  let slowest = [0, -1];
  const texts: string[] = readFileSync(process.env.MUTATED, "utf-8").trimEnd().split("\n");
  texts.forEach((text, line) => {
    let found: string;
    let taken = 0;
    try {
      [found, taken] = outcome(JSON.parse(text));
      if (taken > 1_000) found = "too slow";
    } catch (error) {
      found = String(error).slice(0, 100);
    }
    told[found] = (told[found] ?? 0) + 1;
    if (taken > slowest[0]!) slowest = [taken, line];
  });
  console.log(told, "slowest", slowest);
  expect(Object.keys(told).filter((found) => found !== "drawn" && found !== "refused")).toEqual([]);
});
