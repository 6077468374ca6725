// @vitest-environment happy-dom
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { APPLY, type ApplyRequest, domActions, OFFER, ONLY_COPIES, REVEAL, type RevealRequest } from "../src/core/actions";
import type { Document } from "../src/wire/report";
import { renderReport, type ReportView, type ViewOptions } from "../src/view/render";
import { sample } from "./samples";

let host: HTMLElement;
let view: ReportView | undefined;

function show(report: Document, options?: ViewOptions): void {
  void act(() => void (view = renderReport(host, report, domActions(host, () => report), options)));
}
const all = (selector: string) => [...host.querySelectorAll<HTMLElement>(selector)];
const one = (selector: string): HTMLElement => {
  const found = all(selector);
  expect(found, selector).toHaveLength(1);
  return found[0]!;
};
const textOf = (selector: string) => all(selector).map((element) => element.textContent?.trim());
/** Do something and let the drawing catch up. */
const click = (element: HTMLElement) => act(() => element.click());
const press = (element: HTMLElement, key: string, more: KeyboardEventInit = {}) =>
  act(() => void element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more })));
const enter = (element: HTMLElement, value: string, type = "input") =>
  act(() => {
    (element as HTMLInputElement).value = value;
    element.dispatchEvent(new Event(type, { bubbles: true }));
  });
const button = (name: string): HTMLElement => {
  const found = all("button").filter((element) => element.textContent === name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
};

/** Like JupyterLab's extension, the page says that it can change a cell. */
const offer = (event: Event) => event.preventDefault();

beforeEach(() => {
  document.addEventListener(OFFER, offer);
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  document.removeEventListener(OFFER, offer);
  view?.dispose();
  host.remove();
});

describe("a cell that broke", () => {
  beforeEach(() => show(sample("broken")));

  test("the head says what, where and how much", () => {
    expect(one(".convmagic-verdict").textContent).toContain("line 8: stem cannot take 6 channels");
    expect(textOf(".convmagic-totals li")).toEqual(["8 calls", "1 failed", "3,764 parameters", "2.6 M MACs"]);
  });

  test("a row for each call; the failing one is marked, selected and says so in words", () => {
    expect(all(".convmagic-row")).toHaveLength(8);
    const failed = one('.convmagic-row[data-status="failed"]');
    expect(failed.getAttribute("aria-selected")).toBe("true");
    expect(failed.querySelector(".convmagic-status")!.textContent).toContain("failed");
  });

  test("columns that say nothing are left out", () => {
    expect(textOf("thead[class] th, .convmagic-table thead th")).toEqual(
      ["line", "layer", "input", "output", "kernel", "strides", "padding", "params", "MACs", "status"],
    );
  });

  test("the detail puts what came under what was needed", () => {
    expect(textOf(".convmagic-comparison tbody tr:nth-child(1) td")).toEqual(["any", "any", "any", "3"]);
    expect(textOf(".convmagic-comparison tbody tr:nth-child(2) td")).toEqual(["None", "28", "28", "6"]);
    expect(textOf(".convmagic-comparison td.convmagic-differs")).toEqual(["3", "6"]);
  });

  test("each fix is a diff, a shape, and whether it was tried", () => {
    expect(textOf(".convmagic-fix h4")).toHaveLength(3);
    expect(textOf(".convmagic-trial")).toEqual([
      "✓ tried: the cell now runs to its end",
      "✓ tried with shapes only: every shape in the cell now fits",
      "○ not tried: it has a placeholder",
    ]);
    expect(textOf(".convmagic-predicted")).toEqual(["→ (None, 26, 26, 64)", "→ (None, 26, 26, 64)"]);
    const kinds = all(".convmagic-fix:first-child .convmagic-diff-line").map((line) => line.dataset["kind"]);
    expect(kinds).toEqual(["same", "removed", "added"]);
    expect(all(".convmagic-apply")).toHaveLength(2); // a placeholder can only be copied
    expect(all(".convmagic-copy")).toHaveLength(3);
  });

  test("another row has no diagnosis; the arrows move the selection", async () => {
    await click(all(".convmagic-row")[1]!);
    expect(all(".convmagic-why")).toHaveLength(0);
    const key = new KeyboardEvent("keydown", { key: "End", bubbles: true });
    await act(() => void all(".convmagic-row")[1]!.dispatchEvent(key));
    expect(one('.convmagic-row[aria-selected="true"]').dataset["index"]).toBe("7");
    expect(all(".convmagic-why")).toHaveLength(1);
  });

  test("only problems", async () => {
    await enter(one(".convmagic-status-choice"), "problems", "change");
    expect(all(".convmagic-row").map((row) => row.dataset["status"])).toEqual(["failed"]);
    expect(one(".convmagic-found").textContent).toBe("1 of 8 rows");
  });

  test("rows are found by name, code and shape", async () => {
    await enter(one(".convmagic-find"), "Batch");
    expect(all(".convmagic-row").map((row) => row.dataset["index"])).toEqual(["5"]);
    await enter(one(".convmagic-find"), "block(x, 32)");
    expect(one(".convmagic-none").textContent).toBe("no row is found");
    await enter(one(".convmagic-find"), "(None, 14, 14, 32)");
    expect(all(".convmagic-row").map((row) => row.dataset["index"])).toEqual(["6"]);
  });

  test("columns are chosen, and stay chosen when a new document comes", async () => {
    await click(button("columns"));
    await click(one('.convmagic-chooser label[title^="text of the call"] input'));
    expect(all('td[data-column="code"]')[3]!.textContent).toBe("stem(inputs)");
    await act(() => view!.update({ ...sample("broken"), trying: true }));
    expect(all('td[data-column="code"]')).toHaveLength(8);
    await click(button("as at first"));
    expect(all('td[data-column="code"]')).toHaveLength(0);
  });

  test("a column is widened by keys", async () => {
    const heading = one('th[data-column="input_shape"]').querySelector("button")!;
    await press(heading, "ArrowRight", { shiftKey: true });
    expect(one('col[data-column="input_shape"]').style.width).toMatch(/^calc\(\d+px\)$/);
    expect(all('thead button[tabindex="0"]')).toHaveLength(1);
  });

  test("Enter shows the code line, a slash leads to the search", async () => {
    const heard = vi.fn((event: Event) => event.preventDefault());
    document.body.addEventListener(REVEAL, heard, { once: true });
    await press(one('.convmagic-row[aria-selected="true"]'), "Enter");
    expect((heard.mock.calls[0]![0] as CustomEvent<RevealRequest>).detail.span.line).toBe(8);
    await press(one('.convmagic-row[aria-selected="true"]'), "/");
    expect(document.activeElement).toBe(one(".convmagic-find"));
  });

  test("where the clipboard is forbidden, the text is there to copy", async () => {
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValueOnce(new DOMException("not allowed", "NotAllowedError"));
    await click(button("copy"));
    await click(button("row as CSV"));
    await vi.waitFor(() => expect(all(".convmagic-copy-text")).toHaveLength(1));
    const lines = (one(".convmagic-copy-text") as HTMLTextAreaElement).value.split("\r\n");
    expect(lines).toEqual([
      "line,layer,input_shape,output_shape,kernel_shape,strides,padding,params,macs,status",
      '8,stem,"(None, 28, 28, 6)",,"(3, 3, 3, 64)","(1, 1)",valid,,,failed',
      "",
    ]);
  });

  test("a click on a heading sorts, empty values last", async () => {
    const header = one('th[data-column="params"]');
    await click(header.querySelector("button")!);
    expect(header.getAttribute("aria-sort")).toBe("descending");
    expect(all(".convmagic-row")[0]!.textContent).toContain("1,792");
    expect(all(".convmagic-row").at(-1)!.querySelector('[data-column="params"]')!.textContent).toBe("");
  });

  test("while fixes are tried it says so, and keeps the selection when the answer comes", async () => {
    const report = sample("broken");
    report.diagnoses[0]!.fixes.forEach((fix) => (fix.proof = null));
    await click(all(".convmagic-row")[0]!);
    await click(all(".convmagic-row")[7]!);
    await act(() => view!.update({ ...report, trying: true }));
    expect(textOf(".convmagic-trial")[0]).toBe("◌ trying ...");
    await act(() => view!.update(sample("broken")));
    expect(textOf(".convmagic-trial")[0]).toBe("✓ tried: the cell now runs to its end");
    expect(one('.convmagic-row[aria-selected="true"]').dataset["index"]).toBe("7");
  });

  test("where no answer comes, as in a notebook saved meanwhile, it does not wait for ever", async () => {
    vi.useFakeTimers();
    try {
      const report = sample("broken");
      report.diagnoses[0]!.fixes.forEach((fix) => (fix.proof = null));
      await act(() => view!.update({ ...report, trying: true }));
      await act(() => void vi.advanceTimersByTime(60_000));
      expect(textOf(".convmagic-trial")[0]).toBe("◌ trying ...");
      await act(() => void vi.advanceTimersByTime(31_000));
      expect(textOf(".convmagic-trial")[0]).toBe("○ not tried yet");
      await act(() => view!.update({ ...report, trying: true }));
      expect(textOf(".convmagic-trial")[0]).toBe("◌ trying ...");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("calls inside calls", () => {
  const rows = () => all(".convmagic-row").map((row) => `${row.getAttribute("aria-level")} ${row.querySelector('[data-column="layer"]')!.textContent}`);
  const selectedRow = () => one('.convmagic-row[aria-selected="true"]');

  test("a loop is one row around its turns, a model one around its layers", () => {
    show(sample("nested"));
    expect(rows().slice(0, 4)).toEqual(["1 ▾modelSequential4 rows", "2 ▾modelSequential", "3 convConv2D", "3 poolGlobalAveragePooling2D"]);
    expect(one(".convmagic-table").getAttribute("role")).toBe("treegrid");
    expect(one(".convmagic-table").getAttribute("aria-rowcount")).toBe("14");
    expect(all(".convmagic-row").at(-1)!.getAttribute("aria-rowindex")).toBe("14");
  });

  test("left folds and leads out, right unfolds and leads in", async () => {
    show(sample("nested"), { selected: 3 });
    await press(selectedRow(), "ArrowLeft");
    expect(rows()).toHaveLength(11);
    expect(selectedRow().getAttribute("aria-expanded")).toBe("false");
    await press(selectedRow(), "ArrowLeft");
    expect(selectedRow().getAttribute("aria-level")).toBe("1");
    await press(selectedRow(), "ArrowLeft");
    expect(rows()).toEqual(["1 ▸modelSequential4 rows"]);
    expect(selectedRow().querySelector('[data-column="input_shape"]')!.textContent).toBe("(1, 8..11, 8..11, 3)");
    expect(selectedRow().dataset["status"]).toBe("warning");
    expect(selectedRow().querySelector(".convmagic-status-word")!.textContent).toBe("warning inside");
    expect(selectedRow().querySelector('[data-column="macs"]')!.textContent).toBe("24.8 k");
    await press(selectedRow(), "ArrowRight");
    await press(selectedRow(), "ArrowRight");
    expect(selectedRow().dataset["index"]).toBe("0");
  });

  test("the focus goes with the row, also where the selection is drawn at once by somebody else", async () => {
    const report = sample("nested");
    const onSelect = (selected: number | null) => view!.update(report, { selected, onSelect });
    show(report, { selected: 1, onSelect });
    selectedRow().focus();
    for (const [key, row] of [["ArrowDown", "5"], ["ArrowDown", "6"], ["End", "14"], ["PageUp", "4"], ["Home", "2"]] as const) {
      await press(selectedRow(), key);
      expect(document.activeElement).toBe(selectedRow());
      expect(selectedRow().getAttribute("aria-rowindex")).toBe(row);
    }
  });

  test("a selection from outside unfolds what lies around it", async () => {
    const report = sample("nested");
    show(report);
    await click(button("fold all"));
    expect(rows()).toHaveLength(1);
    await act(() => view!.update(report, { selected: 7 }));
    expect(selectedRow().dataset["index"]).toBe("7");
    expect(rows()).toHaveLength(7);
  });

  test("a search shows what is found with what lies around it, folded or not", async () => {
    show(sample("nested"));
    await click(button("fold all"));
    await enter(one(".convmagic-status-choice"), "warning", "change");
    expect(rows()).toEqual(["1 ▾modelSequential4 rows", "2 ▾modelSequential", "3 convConv2D"]);
    expect(one(".convmagic-found").textContent).toBe("1 of 12 rows");
  });
});

describe("asking the page", () => {
  const listen = (type: string, answer: (event: CustomEvent<ApplyRequest>) => void) => {
    const heard = vi.fn((event: Event) => answer(event as CustomEvent<ApplyRequest>));
    document.body.addEventListener(type, heard, { once: true });
    return heard;
  };

  test("apply and run: the request holds the cell, the fix and the analysed text", async () => {
    const report = sample("broken");
    show(report);
    const heard = listen(APPLY, (event) => event.preventDefault());
    await click(all(".convmagic-apply-run")[0]!);
    const { cell_id, run, source, fix } = (heard.mock.calls[0]![0] as CustomEvent<ApplyRequest>).detail;
    expect({ cell_id, run, source }).toEqual({ cell_id: "cell-run", run: true, source: report.trace.sources[0]!.text });
    expect(fix.title).toBe("build a new Conv2D for this input");
    expect(textOf(".convmagic-outcome")[0]).toBe("applied, the cell runs");
  });

  test("who refuses says why", async () => {
    show(sample("broken"));
    listen(APPLY, (event) => (event.detail.refused = "the cell has changed"));
    await click(all(".convmagic-apply")[0]!);
    expect(textOf(".convmagic-outcome")[0]).toBe("the cell has changed");
  });

  test("where nobody answers the button says to copy", async () => {
    show(sample("broken"));
    await click(all(".convmagic-apply")[0]!);
    expect(textOf(".convmagic-outcome")[0]).toContain("copy the repaired cell");
  });

  test("where nobody offers to change a cell, fixes are for copying, and it says why", () => {
    document.removeEventListener(OFFER, offer);
    show(sample("broken"));
    expect(all(".convmagic-apply, .convmagic-apply-run")).toHaveLength(0);
    expect(all(".convmagic-copy").map((copy) => copy.dataset["primary"])).toEqual(["true", "false", "false"]);
    expect(one(".convmagic-only-copies").textContent).toBe(ONLY_COPIES);
  });

  test("a line is shown on request", async () => {
    show(sample("broken"));
    const heard = listen(REVEAL, (event) => event.preventDefault());
    await click(all(".convmagic-reveal")[0]!);
    expect(heard).toHaveBeenCalledOnce();
  });
});

describe("other documents", () => {
  test("a fine one: no detail, no search, the count of the loop", () => {
    show(sample("fine"));
    expect(one(".convmagic-head").dataset["status"]).toBe("ok");
    expect(textOf(":is(th, td)[data-column=count]")).toEqual(["×N", "×5"]);
    expect(all(".convmagic-detail, .convmagic-find")).toHaveLength(0);
  });

  test("markup in names, messages and code is text", () => {
    show(sample("hostile"));
    expect(all("script, img, i, s, .convmagic-reasons b, h4 u")).toHaveLength(0);
    expect((globalThis as { harmed?: boolean }).harmed).toBeUndefined();
    expect(host.textContent).toContain("<script>window.harmed = true</script>");
    expect(host.textContent).toContain("<b>bold</b>");
    expect(host.textContent).not.toContain("\u202e"); // nothing turns the direction of what follows
    expect(host.textContent).toContain("layers.<s>Conv3D</s>");
  });

  test("the selection may be kept outside", async () => {
    const onSelect = vi.fn();
    show(sample("broken"), { selected: 2, onSelect });
    expect(one('.convmagic-row[aria-selected="true"]').dataset["index"]).toBe("2");
    await click(all(".convmagic-row")[4]!);
    expect(onSelect).toHaveBeenCalledWith(4);
  });
});
