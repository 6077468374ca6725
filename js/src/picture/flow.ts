/** The flow of shapes drawn; as `conv_magic/views/flow_picture.py`. */

import type { Flow, FlowLink, FlowNode } from "../core/flow";
import { axisText, type Shape, shapeText } from "../core/shape";
import { figure, hatching, type Ink, path, rect, type Scene, text } from "./ink";

const [LEAST_HEIGHT, MORE_HEIGHT] = [12, 84];
const [LEAST_WIDTH, WIDTH_A_DOUBLING] = [5, 4.6];
const [SLOT, NARROW_SLOT, NARROW] = [96, 26, 7];
const [LANE, LABELS, TOP, ARCS] = [10, 50, 38, 18];
const [DEPTH, DEPTH_OF_HEIGHT] = [3, 0.13];
const LONGEST_NAME = 12;
const MARKS: Record<string, string> = { failed: "✗", inside: "↳", warning: "!", running: "…" };
const ROLES = { failed: "excess", inside: "missing", running: "missing", warning: "lost", ok: "output" };

/** Where a node lies; `x` and `y` are its upper left corner. */
export interface Block {
  node: FlowNode;
  x: number;
  y: number;
  width: number;
  height: number;
  /** How far the solid goes back. */
  depth: number;
}

export interface FlowPicture {
  scene: Scene;
  blocks: Block[];
  words: string;
}

type Lanes = ReadonlyMap<FlowLink, number>;

const middle = ({ y, height }: Block) => y + height / 2;
const spatialSize = (shape: Shape) => (shape.length > 2 ? shape[1]! : null);
/** Whether a node is a layer that keeps every shape: an activation, a normalisation. */
export const isNarrow = ({ call, status }: FlowNode) => status === "ok" && call?.options?.family === "same_shape";
export const nameOf = ({ call }: FlowNode) => (call === null ? "the input" : (call.layer ?? call.op));

export function flowPicture(flow: Flow): FlowPicture {
  const lanes = lanesOf(flow);
  const blocks = blocksOf(flow, lanes);
  const inks = [...flow.links.flatMap((link) => linkInks(link, blocks, lanes)), ...blocks.flatMap(blockInks)];
  const width = Math.max(...blocks.map((block) => block.x + Math.max(block.width, SLOT / 2))) + 24;
  const lowest = Math.max(...blocks.map(({ node }) => node.track));
  const height = trackMiddle(lowest, lanes) + (LEAST_HEIGHT + MORE_HEIGHT) / 2 + LABELS;
  return { scene: { width, height, inks }, blocks, words: flowWords(flow) };
}

function blocksOf(flow: Flow, lanes: Lanes): Block[] {
  const largest = Math.max(...flow.nodes.map((node) => spatialSize(node.shape) ?? 1));
  const starts = startsOf(flow);
  return flow.nodes.map((node) => {
    const [start, slot] = starts[node.column]!;
    const [width, height] = [widthOf(node), heightOf(node, largest)];
    return { node, x: start + (slot - width) / 2, y: trackMiddle(node.track, lanes) - height / 2, width, height, depth: depthOf(node, height) };
  });
}

/** Where each column begins, and how wide it is: narrow where all its nodes keep the shape. */
function startsOf(flow: Flow): [number, number][] {
  const members: FlowNode[][] = [];
  for (const node of flow.nodes) (members[node.column] ??= []).push(node);
  let x = 0;
  return Array.from(members, (nodes: FlowNode[] | undefined) => {
    const slot = !nodes ? SLOT / 2 : nodes.every(isNarrow) ? NARROW_SLOT : SLOT;
    x += slot;
    return [x - slot, slot];
  });
}

function heightOf({ shape }: FlowNode, largest: number): number {
  if (shape.length <= 2) return LEAST_HEIGHT;
  const size = spatialSize(shape);
  if (size === null || size < 1) return LEAST_HEIGHT + MORE_HEIGHT / 2;
  return LEAST_HEIGHT + (MORE_HEIGHT * Math.log2(size + 1)) / Math.log2(largest + 1);
}

/** An image goes back further than a sequence, or a vector. */
const depthOf = ({ shape }: FlowNode, height: number) => (shape.length > 3 ? DEPTH_OF_HEIGHT * height : DEPTH);

const widthOf = (node: FlowNode) => (isNarrow(node) ? NARROW : LEAST_WIDTH + WIDTH_A_DOUBLING * Math.log2((node.shape.at(-1) || 1) + 1));

function trackMiddle(track: number, lanes: Lanes): number {
  const above = TOP + LANE * (Math.max(-1, ...lanes.values()) + 1);
  return above + (LEAST_HEIGHT + MORE_HEIGHT) / 2 + track * (LEAST_HEIGHT + MORE_HEIGHT + LABELS + TOP);
}

/** The links that must be arcs, since blocks stand in their way; each with a lane in which no other one runs. */
function lanesOf({ nodes, links }: Flow): Lanes {
  const ends = (link: FlowLink) => [nodes[link.source]!, nodes[link.target]!] as const;
  const places = new Map<number, number[]>();
  for (const { track, column } of nodes) places.set(track, [...(places.get(track) ?? []), column]);
  const arcs = links.filter((link) => {
    const [source, target] = ends(link);
    return places.get(Math.max(source.track, target.track))!.some((column) => source.column < column && column < target.column);
  });
  const reach = (link: FlowLink) => ends(link)[1].column - ends(link)[0].column;
  arcs.sort((a, b) => reach(a) - reach(b) || ends(a)[0].column - ends(b)[0].column);
  const lanes = new Map<FlowLink, number>();
  for (const link of arcs) {
    const [source, target] = ends(link);
    const used = new Set([...lanes].filter(([other]) => ends(other)[0].column < target.column && source.column < ends(other)[1].column).map(([, lane]) => lane));
    let lane = 0;
    while (used.has(lane)) lane++;
    lanes.set(link, lane);
  }
  return lanes;
}

function linkInks(link: FlowLink, blocks: readonly Block[], lanes: Lanes): Ink[] {
  const [source, target] = [blocks[link.source]!, blocks[link.target]!];
  const role = target.node.status === "failed" ? "bad" : "flow";
  const lane = lanes.get(link);
  if (lane !== undefined) return [path(role, arc(source, target, ARCS + LANE * (Math.max(...lanes.values()) - lane) - 4))];
  const [x, x2] = [source.x + source.width + source.depth / 2, target.x];
  const inks = [path(role, curve(x, middle(source), x2, middle(target), target.node.track > source.node.track))] as Ink[];
  const change = changeText(source.node.shape, target.node.shape);
  if (change && target.node.status !== "failed" && target.node.column - source.node.column === 1) {
    const drop = target.node.track - source.node.track; // on a bend the label stands at its lower end, clear of the curve
    const at = drop === 0 ? (x + x2) / 2 : drop > 0 ? x2 - 16 : x + 18;
    inks.push(text("change", at, Math.max(middle(source), middle(target)) + (drop > 0 ? 14 : -6), change));
  }
  return inks;
}

/** A straight line; between tracks a bend near the end where the tracks part. */
function curve(x: number, y: number, x2: number, y2: number, down: boolean): string {
  const start = `M${figure(x)} ${figure(y)}`;
  if (Math.abs(y - y2) < 0.5) return `${start}L${figure(x2)} ${figure(y2)}`;
  const near = Math.min((x2 - x) / 2, 30);
  const bend = down ? x + near : x2 - near;
  const to = down ? Math.min(x + 2 * near, x2) : x2;
  const begin = down ? x : Math.max(x2 - 2 * near, x);
  const turn = `C${figure(bend)} ${figure(y)} ${figure(bend)} ${figure(y2)} ${figure(to)} ${figure(y2)}`;
  return `${start}L${figure(begin)} ${figure(y)}${turn}L${figure(x2)} ${figure(y2)}`;
}

/** Up, across and down again, with round corners. */
function arc(source: Block, target: Block, y: number): string {
  const [x, x2] = [source.x + source.width / 2 + 4, target.x + target.width / 2 - 4];
  return `M${figure(x)} ${figure(source.y)}V${figure(y + 6)}q0 -6 6 -6H${figure(x2 - 6)}q6 0 6 6V${figure(target.y)}`;
}

/** `÷2`, `29→15`, `−2`, `×2`, `+1`: how the first spatial size changes; `flat` where it ends. */
export function changeText(before: Shape, after: Shape): string {
  const [old, now] = [spatialSize(before), spatialSize(after)];
  if (before.length > 2 && after.length <= 2) return "flat";
  if (old === null || now === null || old === now || old < 1 || now < 1) return "";
  if (old > now) return old % now === 0 ? `÷${old / now}` : old - now > 9 ? `${old}→${now}` : `−${old - now}`;
  return now % old === 0 ? `×${now / old}` : now - old > 9 ? `${old}→${now}` : `+${now - old}`;
}

function blockInks(block: Block): Ink[] {
  const { node, x, y, width, height } = block;
  const role = node.call === null || isNarrow(node) ? "input" : ROLES[node.status];
  const inks: Ink[] = [...faces(block), rect(role, x, y, width, height)];
  if (role === "excess" || role === "lost") inks.push(path(`${role}-hatch`, hatching(x, y, width, height)));
  const centre = x + width / 2;
  const mark = MARKS[node.status] ?? "";
  const marks = [mark, node.origin ? "◆" : ""].filter(Boolean).join(" ");
  if (marks) inks.push(text(mark ? "error" : "size", x + width + block.depth + 6, y - block.depth + 4, marks, "start"));
  if (isNarrow(node)) return inks;
  const foot = middle(block) + (LEAST_HEIGHT + MORE_HEIGHT) / 2;
  const strong = node.status === "failed" ? "error" : "size";
  return [...inks, ...blockLines(node).map((line, i) => text(i > 0 ? "label" : strong, centre, foot + 13 + 13 * i, line))];
}

/** The top and the side of the solid. */
function faces({ x, y, width, height, depth }: Block): Ink[] {
  const [back, down] = [`l${figure(depth)} ${figure(-depth)}`, `l${figure(-depth)} ${figure(depth)}`];
  return [
    path("top", `M${figure(x)} ${figure(y)}${back}h${figure(width)}${down}z`),
    path("side", `M${figure(x + width)} ${figure(y)}${back}v${figure(height)}${down}z`),
  ];
}

/** The name, the shape without its batch, and how far an element sees. */
function blockLines(node: FlowNode): string[] {
  const shape = node.shape.slice(1).map((size) => (size === null ? "?" : axisText(size))).join("×");
  const { call } = node;
  if (call === null) return ["input", shape];
  const times = call.count > 1 ? ` ×${call.count}` : "";
  const name = (node.folded ? "▣ " : "") + nameOf(node);
  const lacks = ["failed", "inside", "running"].includes(node.status) && call.output === null;
  const field = call.cost.receptive_field;
  const sees = field && field.length > 0 && node.status === "ok" ? [`sees ${field.join("×")}`] : [];
  return [shortened(name, LONGEST_NAME - times.length) + times, lacks ? "no output" : shape, ...sees];
}

/** Cut in the middle: `max_po…ing2d_2` is told from its like by its end. */
const shortened = (name: string, most: number) => {
  const characters = [...name];
  if (characters.length <= most) return name;
  const end = Math.floor((most - 1) / 2);
  return `${characters.slice(0, most - 1 - end).join("")}…${characters.slice(characters.length - end).join("")}`;
};

/** One or two sentences: from where to where, where it shrinks, what fails. */
function flowWords({ nodes, links, hidden }: Flow): string {
  const calls = nodes.filter((node) => node.call !== null);
  const parts = [`${calls.length} calls, from ${shapeText(nodes[0]!.shape)} to ${shapeText(calls.at(-1)!.shape)}`];
  const changes = links.flatMap((link) => {
    const [a, b] = [nodes[link.source]!, nodes[link.target]!];
    const [old, now] = [spatialSize(a.shape) ?? 0, spatialSize(b.shape) ?? 0];
    return old > now && now > 0 && b.status !== "failed" ? [`${old} → ${now} at ${nameOf(b)}`] : [];
  });
  if (changes.length > 0) parts.push(`smaller: ${[...new Set(changes.slice(0, 4))].join(", ")}${changes.length > 4 ? ` and ${changes.length - 4} more` : ""}`);
  const failing = calls.find((node) => node.status === "failed");
  if (failing) parts.push(`${nameOf(failing)} fails`);
  if (hidden) parts.push(`${hidden} more are not drawn`);
  return parts.join("; ");
}
