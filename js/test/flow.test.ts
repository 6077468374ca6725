/** The live flow is that of the static page, and no two blocks share a place. */

import { describe, expect, test } from "vitest";
import { flowOf } from "../src/core/flow";
import { changeText, flowPicture, isNarrow } from "../src/picture/flow";
import type { Ink } from "../src/picture/ink";
import { flows as cases, pictured } from "./pictured";

const MOST_DRAWN = 150;
const MOST_INKS = 120;
function vectorOf(ink: Ink): unknown[] {
  if (ink.kind === "rect") return ["rect", ink.role, ink.x, ink.y, ink.width, ink.height];
  if (ink.kind === "path") return ["path", ink.role, ink.d];
  return ["text", ink.role, ink.x, ink.y, ink.text, ink.anchor];
}

test.each(cases)("the flow %s is the static one", (name, _, drawn) => {
  const flow = flowOf(pictured(name), MOST_DRAWN);
  if (drawn === null) return expect(flow).toBeNull();
  const [nodes, links, hidden, size, inks, words] = drawn;
  expect(flow!.nodes.map((n) => [n.call?.index ?? null, n.column, n.track, n.folded, n.status, n.origin])).toEqual(nodes);
  expect(flow!.links.map(({ source, target }) => [source, target])).toEqual(links);
  expect(flow!.hidden).toBe(hidden);
  const picture = flowPicture(flow!);
  expect(picture.words).toBe(words);
  const found = picture.scene.inks.slice(0, MOST_INKS).map(vectorOf);
  const numbers = (rows: unknown[][]) => rows.flat().filter((value): value is number => typeof value === "number");
  const texts = (rows: unknown[][]) => rows.flat().filter((value) => typeof value !== "number");
  expect(texts(found)).toEqual(texts(inks));
  const all = [picture.scene.width, picture.scene.height, ...numbers(found)];
  [...size, ...numbers(inks)].forEach((value, i) => expect(Math.abs(value - all[i]!)).toBeLessThan(0.02));
});

describe.each(cases.filter(([, , drawn]) => drawn !== null).map(([name]) => name))("the layout of %s", (name) => {
  const flow = flowOf(pictured(name))!;
  const { blocks, scene } = flowPicture(flow);

  test("links go to the right", () => {
    for (const { source, target } of flow.links) expect(flow.nodes[source]!.column).toBeLessThan(flow.nodes[target]!.column);
  });

  test("no two blocks overlap, and all lie in the picture", () => {
    const places = flow.nodes.map(({ column, track }) => `${column} ${track}`);
    expect(new Set(places).size).toBe(places.length);
    for (const block of blocks) {
      expect(block.x).toBeGreaterThanOrEqual(0);
      expect(block.x + block.width).toBeLessThanOrEqual(scene.width);
      expect(block.y + block.height).toBeLessThanOrEqual(scene.height);
      const beside = blocks.filter((other) => other !== block && other.node.track === block.node.track);
      for (const other of beside) expect(other.x + other.width <= block.x || block.x + block.width <= other.x).toBe(true);
    }
  });

  test("a larger image is a higher block, more channels a wider one", () => {
    const images = blocks.filter(({ node }) => node.shape.length === 4 && !isNarrow(node));
    for (const a of images) {
      for (const b of images) {
        if (a.node.shape[1]! > b.node.shape[1]!) expect(a.height).toBeGreaterThan(b.height);
        if (a.node.shape[3]! > b.node.shape[3]!) expect(a.width).toBeGreaterThan(b.width);
      }
    }
  });
});

test("how a size changes is said exactly", () => {
  const image = (size: number) => [null, size, size, 3];
  const said = [[28, 14], [29, 15], [28, 26], [224, 112], [14, 28], [7, 15], [13, 40], [5, 5]].map(([a, b]) => changeText(image(a!), image(b!)));
  expect(said).toEqual(["÷2", "29→15", "−2", "÷2", "×2", "+8", "13→40", ""]);
  expect(changeText(image(4), [null, 48])).toBe("flat");
});
