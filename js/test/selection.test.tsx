// @vitest-environment happy-dom
import { act } from "preact/test-utils";
import { expect, test } from "vitest";
import { domActions } from "../src/core/actions";
import { runOf, tellSelection } from "../src/core/selection";
import { renderReport } from "../src/view/render";
import { sample } from "./samples";

const report = sample("broken");

function show() {
  const host = document.body.appendChild(document.createElement("div"));
  const heard: (number | null)[] = [];
  let view!: ReturnType<typeof renderReport>;
  void act(() => void (view = renderReport(host, report, domActions(host, () => report), { onSelect: (index) => heard.push(index) })));
  const selected = () => host.querySelector<HTMLElement>('.convmagic-row[aria-selected="true"]')!.dataset["index"];
  return { host, heard, view, selected };
}

test("two views of one run share what is selected; each tells it outside once", async () => {
  const [one, other] = [show(), show()];
  await act(() => one.host.querySelectorAll<HTMLElement>(".convmagic-row")[2]!.click());
  expect([one.selected(), other.selected()]).toEqual(["2", "2"]);
  expect([one.heard, other.heard]).toEqual([[2], [2]]);
  one.view.dispose();
  await act(() => tellSelection(document, { run: runOf(report), index: 4, reveal: true }));
  await act(() => tellSelection(document, { run: "another run", index: 5, reveal: false }));
  expect([one.heard, other.heard, other.selected()]).toEqual([[2], [2, 4], "4"]);
  other.view.dispose();
});
