// @vitest-environment happy-dom
/** The pictures in the view: they follow the selection, the controls answer at once, keys and clicks select. */

import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { APPLY, type ApplyRequest, domActions, OFFER } from "../src/core/actions";
import type { Document } from "../src/wire/report";
import { renderReport, type ReportView } from "../src/view/render";
import { pictured } from "./pictured";
import { sample } from "./samples";

let host: HTMLElement;
let view: ReportView | undefined;
const onSelect = vi.fn();

function show(report: Document, selected: number | null = 0): void {
  void act(() => void (view = renderReport(host, report, domActions(host, () => report), { selected, onSelect })));
}
const one = <E extends Element = HTMLElement>(selector: string): E => {
  const found = host.querySelectorAll<E>(selector);
  expect(found, selector).toHaveLength(1);
  return found[0]!;
};
const text = (selector: string) => one(selector).textContent;
function set(field: HTMLInputElement | HTMLSelectElement, value: string): Promise<void> {
  return act(() => {
    field.value = value;
    field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
  });
}
const field = (option: string) => host.querySelector<HTMLInputElement>(`[data-option="${option}"]`)!;

const offer = (event: Event) => event.preventDefault();

beforeEach(() => {
  document.addEventListener(OFFER, offer);
  host = document.createElement("div");
  document.body.append(host);
  onSelect.mockClear();
});
afterEach(() => {
  document.removeEventListener(OFFER, offer);
  view?.dispose();
  host.remove();
});

describe("the picture of the arithmetic", () => {
  test("says the arithmetic in words that belong to the picture", () => {
    show(pictured("chain"));
    expect(one(".convmagic-arithmetic svg").getAttribute("aria-label")).toBe("the arithmetic of conv2d_0: height and width: (28 + 0 − 3) / 1 + 1 = 26");
    expect(text(".convmagic-arithmetic figcaption")).toContain("(28 + 0 − 3) / 1 + 1 = 26");
  });

  test("of a call that is impossible shows what does not fit", () => {
    show(pictured("folded"), 4);
    expect(host.querySelectorAll(".convmagic-arithmetic .convmagic-ink-excess").length).toBeGreaterThan(0);
    expect(text(".convmagic-arithmetic figcaption")).toContain("the window of 31 is 5 larger than the input of 26");
  });

  test("a slider moves the window over every place", async () => {
    show(pictured("chain"));
    const slider = one<HTMLInputElement>(".convmagic-mover input");
    expect(slider.max).toBe(String(26 * 26 - 1));
    await set(slider, "27");
    expect(text(".convmagic-mover span")).toBe("window 28 of 676");
    expect(host.querySelectorAll(".convmagic-moving .convmagic-ink-moving")).toHaveLength(2);
  });

  test("where a size is unknown it is drawn for one that can be chosen", async () => {
    const report = pictured("chain");
    report.trace.calls[0]!.inputs = [[null, null, 28, 1]];
    show(report);
    expect(text(".convmagic-arithmetic figcaption")).toContain("(32 + 0 − 3)");
    await set(field("size"), "40");
    expect(text(".convmagic-arithmetic figcaption")).toContain("(40 + 0 − 3)");
  });
});

describe("what if", () => {
  test("the shape changes at once, and what follows from it", async () => {
    show(pictured("chain"));
    await set(field("padding"), "same");
    expect(text('.convmagic-whatif-result > p[role="status"]')).toContain("output (None, 28, 28, 8) instead of (None, 26, 26, 8)");
    expect(text(".convmagic-consequences")).toContain("maxpooling2d_1 (line 3) (None, 13, 13, 8) becomes (None, 14, 14, 8)");
    expect(text(".convmagic-consequences")).toContain("dense_3 (line 5) takes (None, 1568), still gives (None, 10)");
    expect(text(".convmagic-arithmetic figcaption")).toContain("⌈28 / 1⌉ = 28");
  });

  test("the choice is an edit, applied as a fix is", async () => {
    show(pictured("chain"));
    const asked = vi.fn<(event: Event) => void>((event) => event.preventDefault());
    host.addEventListener(APPLY, asked);
    await set(field("strides"), "2");
    await act(() => one(".convmagic-whatif .convmagic-apply").click());
    const { fix, run } = (asked.mock.calls[0]![0] as CustomEvent<ApplyRequest>).detail;
    expect([fix.edits.map((edit) => edit.text), run]).toEqual([[", strides=2"], false]);
  });

  test("as it was takes the choice back", async () => {
    show(pictured("chain"));
    await set(field("kernel_size"), "5");
    await act(() => one(".convmagic-as-written").click());
    expect(field("kernel_size").value).toBe("3");
    expect(host.querySelectorAll(".convmagic-whatif .convmagic-fix")).toHaveLength(0);
  });

  test("what does not fit is said, and another call starts anew", async () => {
    show(pictured("chain"));
    await set(field("kernel_size"), "40");
    expect(text('.convmagic-whatif-result > p[role="status"]')).toBe("✗ the window does not fit");
    await act(() => host.querySelectorAll<HTMLElement>(".convmagic-row")[1]!.click());
    expect(field("pool_size").value).toBe("2");
  });
});

describe("the flow", () => {
  test("is told in words, and each block by name, line, shapes", () => {
    show(pictured("chain"), null);
    expect(one(".convmagic-flow-pane").getAttribute("aria-label")).toContain("4 calls, from (None, 28, 28, 1) to (None, 10)");
    const labels = [...host.querySelectorAll(".convmagic-flow-node")].map((node) => node.getAttribute("aria-label"));
    expect(labels[0]).toBe("conv2d_0 (Conv2D), line 2, (None, 28, 28, 1) to (None, 26, 26, 8), sees 3 × 3 of the input");
    expect(labels).toHaveLength(4);
  });

  test("a click selects the row, arrow keys go on", async () => {
    show(pictured("chain"), null);
    await act(() => void host.querySelectorAll(".convmagic-flow-node")[1]!.dispatchEvent(new MouseEvent("click", { bubbles: true })));
    expect(onSelect).toHaveBeenLastCalledWith(1);
    const key = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
    await act(() => void one('.convmagic-flow-node[aria-pressed="true"]').dispatchEvent(key));
    expect(onSelect).toHaveBeenLastCalledWith(2);
  });

  test("there is none where calls do not follow each other", () => {
    show(pictured("alone"), null);
    expect(host.querySelectorAll(".convmagic-flow")).toHaveLength(0);
  });

  test("200 layers are drawn whole, the failing one marked in words too", () => {
    show(pictured("long"), 200);
    expect(host.querySelectorAll(".convmagic-flow-node")).toHaveLength(201);
    expect(one('.convmagic-flow-node[aria-pressed="true"]').getAttribute("aria-label")).toContain("no output, failed");
    expect([...host.querySelectorAll(".convmagic-flow text")].map((node) => node.textContent)).toContain("✗");
  }, 30_000); // happy-dom is slow at tables
});

test("names from the notebook are text in a picture too", () => {
  const report = pictured("chain");
  report.trace.calls[0]!.layer = "<img src=x onerror=alert(1)>\u202e";
  show(report);
  expect(host.querySelectorAll("img")).toHaveLength(0);
  expect(one(".convmagic-arithmetic svg").getAttribute("aria-label")).toContain("<img src=x onerror=alert(1)>�");
  view?.dispose();
  show(sample("hostile"));
  expect(host.querySelectorAll("img, script")).toHaveLength(0);
});
