// @vitest-environment happy-dom
import type { AnyModel } from "@anywidget/types";
import { expect, test } from "vitest";
import widget from "../src/widget";
import { onTheWire, sample } from "./samples";

interface Traits {
  report: unknown;
  selected: number | null;
}

/** The part of anywidget's model that the widget uses, on a plain map. */
class Model {
  saved = 0;
  private readonly listeners = new Map<string, Set<() => void>>();

  constructor(private readonly traits: Traits) {}

  get<K extends keyof Traits>(name: K): Traits[K] {
    return this.traits[name];
  }

  set<K extends keyof Traits>(name: K, value: Traits[K]): void {
    this.traits[name] = value;
    this.listeners.get(`change:${name}`)?.forEach((listener) => listener());
  }

  save_changes(): void {
    this.saved++;
  }

  on(name: string, listener: () => void): void {
    this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: () => void): void {
    this.listeners.get(name)?.delete(listener);
  }

  get count(): number {
    return [...this.listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }
}

test("draws the report, follows its traits, tells the selection, and leaves nothing behind", () => {
  const model = new Model({ report: sample("fine"), selected: null });
  const el = document.createElement("div");
  document.body.append(el);
  const leave = widget.render({ model: model as unknown as AnyModel<Traits>, el, experimental: { invoke: () => Promise.reject() } });
  const rows = () => el.querySelectorAll<HTMLElement>(".convmagic-row");
  expect(rows()).toHaveLength(1);
  model.set("report", { schema: 99 });
  expect(el.textContent).toBe("this table was saved by a newer conv_magic; update conv_magic to see it");
  model.set("report", onTheWire("packed"));
  expect(rows()).toHaveLength(8);
  rows()[3]!.click();
  expect([model.get("selected"), model.saved]).toEqual([3, 1]);
  leave();
  expect([model.count, el.childElementCount]).toEqual([0, 0]);
});
