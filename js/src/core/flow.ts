/** How shapes flow through a cell: nodes, links, columns and tracks; as `conv_magic/views/flow.py`. */

import type { CallRecord, Document } from "../wire/report";
import { agree, type Shape } from "./shape";

export type FlowStatus = "ok" | "warning" | "failed" | "inside" | "running";

/** A call, or an input that no recorded call made. */
export interface FlowNode {
  call: CallRecord | null;
  shape: Shape;
  column: number;
  track: number;
  /** How many calls are inside. */
  folded: number;
  status: FlowStatus;
  origin: boolean;
}

export interface FlowLink {
  source: number;
  target: number;
}

export interface Flow {
  nodes: FlowNode[];
  links: FlowLink[];
  /** Nodes left out at either end. */
  hidden: number;
}

/** Of the live picture. */
export const MOST_NODES = 400;
const MOST_TRACKS = 6;
const MOST_BRANCHES = 6;

type Calls = ReadonlyMap<number, CallRecord>;
/** For each key its sources.  Keys of calls are their indices, those of inputs are negative. */
type Graph = Map<number, number[]>;

/** The flow of a run; null where fewer than two calls follow each other. */
export function flowOf(document: Document, most = MOST_NODES): Flow | null {
  const calls: Calls = new Map(document.trace.calls.map((call) => [call.index, call]));
  const failed = failedOf(document);
  const shown = shownOf(calls, failed);
  const { graph, inputs } = graphOf(shown, calls);
  const chains = componentsOf(graph).filter((part) => part.filter((key) => key >= 0).length > 1);
  const order = orderOf(chains.flat(), graph);
  const bad = Math.max(order.findIndex((key) => failed.has(key)), 0);
  const start = Math.max(bad - most + 2, 0);
  const kept = order.slice(start, start + most);
  if (kept.length === 0) return null;
  const columns = columnsOf(kept, graph, chains);
  const tracks = tracksOf(kept, graph, columns);
  const keys = kept.filter((key) => tracks.get(key)! < MOST_TRACKS).sort((a, b) => columns.get(a)! - columns.get(b)! || tracks.get(a)! - tracks.get(b)! || a - b);
  const describe = describer(document, failed, shown);
  const nodes = keys.map((key): FlowNode => {
    const place = { column: columns.get(key)!, track: tracks.get(key)! };
    if (key < 0) return { call: null, shape: inputs.get(key)!, ...place, folded: 0, status: "ok", origin: false };
    return { ...describe(calls.get(key)!), ...place };
  });
  const at = new Map(keys.map((key, place) => [key, place]));
  const links = keys.flatMap((key) => graph.get(key)!.filter((source) => at.has(source)).map((source) => ({ source: at.get(source)!, target: at.get(key)! })));
  return { nodes, links, hidden: order.length - keys.length };
}

/** The calls that failed of themselves, and those at which an error is diagnosed. */
function failedOf(document: Document): Set<number> {
  const open = (call: CallRecord) => document.running && call.outcome === "entered";
  const broken = document.trace.calls.filter((call) => call.outcome !== "returned" && !open(call));
  const around = new Set(broken.map((call) => call.parent));
  const diagnosed = document.diagnoses.flatMap(({ severity, call }) => (severity === "error" && call !== null ? [call] : []));
  return new Set([...broken.filter((call) => !around.has(call.index)).map((call) => call.index), ...diagnosed]);
}

/** For every call that is drawn the number of calls folded into it. */
function shownOf(calls: Calls, failed: ReadonlySet<number>): Map<number, number> {
  const inside = new Map<number | null, CallRecord[]>();
  for (const call of calls.values()) {
    if (call.options?.family === "fit" || call.options?.family === "loss") continue;
    const parent = call.parent !== null && calls.has(call.parent) ? call.parent : null;
    listAt(inside, parent).push(call);
  }
  const roots = inside.get(null) ?? [];
  const found = new Map<number, number>();
  const count = (index: number): number => (inside.get(index) ?? []).reduce((sum, call) => sum + 1 + count(call.index), 0);
  const add = (call: CallRecord) => {
    const within = inside.get(call.index) ?? [];
    const opened = !failed.has(call.index) && (call.outcome !== "returned" || roots.length === 1);
    if (within.length > 0 && opened) within.forEach(add);
    else found.set(call.index, count(call.index));
  };
  roots.forEach(add);
  return found;
}

function graphOf(shown: ReadonlyMap<number, number>, calls: Calls): { graph: Graph; inputs: Map<number, Shape> } {
  const graph: Graph = new Map();
  const inputs = new Map<string, number>();
  for (const index of [...shown.keys()].sort((a, b) => a - b)) {
    const call = calls.get(index)!;
    const sources: number[] = [];
    for (const [i, producer] of call.producers.slice(0, call.inputs.length).entries()) {
      let maker = makerOf(producer, call, shown, calls);
      const shape = call.inputs[i]!;
      if (maker === null && shape.length > 1) {
        const key = JSON.stringify(shape);
        maker = inputs.get(key) ?? -1 - inputs.size;
        inputs.set(key, maker);
        if (!graph.has(maker)) graph.set(maker, []);
      }
      if (maker !== null && maker !== index && !sources.includes(maker)) sources.push(maker);
    }
    graph.set(index, sources);
  }
  const fans = new Set([...usersOf(graph)].filter(([key, users]) => key < 0 && users.length > MOST_BRANCHES).map(([key]) => key));
  const kept = [...graph].filter(([key]) => !fans.has(key)); // of many calls it is hardly one input
  return { graph: new Map(kept.map(([key, sources]) => [key, sources.filter((source) => !fans.has(source))])), inputs: new Map([...inputs].map(([shape, key]) => [key, JSON.parse(shape) as Shape])) };
}

/** The list at a key, a new one where there is none. */
function listAt<K, V>(lists: Map<K, V[]>, key: K): V[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}

/** For each key those that it is a source of. */
function usersOf(graph: Graph): Graph {
  const users: Graph = new Map();
  for (const [key, sources] of graph) for (const source of sources) listAt(users, source).push(key);
  return users;
}

/** The drawn call that made an input: the producer, the model around it, or the last layer of an opened one. */
function makerOf(producer: number | null, call: CallRecord, shown: ReadonlyMap<number, number>, calls: Calls): number | null {
  let at = producer;
  while (at !== null && calls.has(at) && !shown.has(at)) {
    const around: number = at;
    const inner = [...shown.keys()].filter((i) => calls.get(i)!.parent === around && JSON.stringify(calls.get(i)!.output) === JSON.stringify(calls.get(around)!.output));
    at = inner.at(-1) ?? calls.get(around)!.parent;
  }
  return at !== null && shown.has(at) && at < call.index ? at : null;
}

/** The nodes that hang together, in the order of their first call. */
function componentsOf(graph: Graph): number[][] {
  const part = new Map([...graph.keys()].map((key) => [key, key]));
  const root = (key: number): number => {
    while (part.get(key) !== key) {
      part.set(key, part.get(part.get(key)!)!);
      key = part.get(key)!;
    }
    return key;
  };
  for (const [key, sources] of graph) for (const source of sources) part.set(root(source), root(key));
  const found = new Map<number, number[]>();
  for (const key of graph.keys()) listAt(found, root(key)).push(key);
  const first = (keys: number[]) => keys.reduce((least, key) => (key >= 0 ? Math.min(least, key) : least), Infinity);
  return [...found.values()].filter((keys) => keys.some((key) => key >= 0)).sort((a, b) => first(a) - first(b));
}

/** In the order of the calls; an input just before the first call that takes it. */
function orderOf(keys: readonly number[], graph: Graph): number[] {
  const users = usersOf(graph);
  const place = (key: number) => (key >= 0 ? key : users.get(key)!.reduce((a, b) => Math.min(a, b)) - 0.5);
  return [...keys].sort((a, b) => place(a) - place(b) || a - b);
}

/** The longest way to each node; what does not hang together stands side by side. */
function columnsOf(kept: readonly number[], graph: Graph, chains: readonly (readonly number[])[]): Map<number, number> {
  const columns = new Map<number, number>();
  let offset = 0;
  for (const chain of chains) {
    const members = new Set(chain);
    for (const key of kept) {
      if (!members.has(key)) continue;
      const before = graph.get(key)!.flatMap((source) => columns.get(source) ?? []);
      columns.set(key, (before.length > 0 ? Math.max(...before) : offset - 1) + 1);
    }
    const drawn = chain.flatMap((key) => columns.get(key) ?? []);
    if (drawn.length > 0) offset = Math.max(...drawn) + 2;
  }
  return columns;
}

/** The track of each node; no two share a place, and no link of a first source runs through a node. */
function tracksOf(kept: readonly number[], graph: Graph, columns: ReadonlyMap<number, number>): Map<number, number> {
  const tracks = new Map<number, number>();
  const taken = new Set<string>();
  const at = (track: number, column: number) => `${track} ${column}`;
  for (const key of [...kept].sort((a, b) => columns.get(a)! - columns.get(b)!)) {
    const column = columns.get(key)!;
    const sources = graph.get(key)!.filter((source) => tracks.has(source));
    const ranked = [...sources].sort((a, b) => tracks.get(a)! - tracks.get(b)! || columns.get(b)! - columns.get(a)!);
    const nearest = ranked[0];
    const start = nearest === undefined ? column : columns.get(nearest)! + 1;
    const way = Array.from({ length: column + 1 - start }, (_, i) => start + i);
    const wish = nearest === undefined ? 0 : tracks.get(nearest)!;
    const direct = taken.has(at(wish, column));
    let track = wish;
    while (taken.has(at(track, column)) || (track !== wish && way.some((place) => taken.has(at(track, place))))) track++;
    tracks.set(key, track);
    for (const place of direct ? way : [column]) taken.add(at(track, place));
    for (const source of sources) {
      if (tracks.get(source) === track) continue;
      for (let place = columns.get(source)! + 1; place < column; place++) taken.add(at(tracks.get(source)!, place));
    }
  }
  return tracks;
}

/** The calls that set the differing numbers: of all calls at that place the one that the faulty call was given. */
function originsOf({ diagnoses, trace }: Document): Set<number> {
  const found = diagnoses.flatMap(({ origin, call: index }) => {
    const faulty = trace.calls.find((call) => call.index === index);
    const place = JSON.stringify(origin);
    const there = trace.calls.filter((call) => origin && [call.span, call.created].some((span) => JSON.stringify(span) === place) && (!faulty || call.index < faulty.index));
    const given = there.filter((call) => faulty?.producers.includes(call.index));
    return (given.length > 0 ? given : there).slice(-1).map((call) => call.index);
  });
  return new Set(found);
}

/** What a drawn call shows, but for its place. */
function describer(document: Document, failed: ReadonlySet<number>, shown: ReadonlyMap<number, number>) {
  const warned = new Set(document.diagnoses.flatMap(({ severity, call }) => (severity !== "note" && call !== null ? [call] : [])));
  const origins = originsOf(document);
  const statusOf = (call: CallRecord): FlowStatus => {
    if (failed.has(call.index)) return "failed";
    if (document.running && call.outcome === "entered") return "running";
    if (call.outcome !== "returned") return "inside";
    const contradicts = call.expected !== null && call.output !== null && !agree(call.expected, call.output);
    return warned.has(call.index) || contradicts ? "warning" : "ok";
  };
  return (call: CallRecord) => ({
    call,
    shape: call.output ?? call.expected ?? call.inputs[0] ?? [],
    folded: shown.get(call.index) ?? 0,
    status: statusOf(call),
    origin: origins.has(call.index),
  });
}
