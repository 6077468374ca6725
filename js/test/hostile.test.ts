// @vitest-environment happy-dom
/** Whatever names, code, comments and errors hold: the page shows it as text, and nothing in it acts on the reader. */

import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { domActions } from "../src/core/actions";
import { csvOf, markdownOf } from "../src/core/copy";
import { clearLinePane, renderLinePane } from "../src/lab/line_pane";
import { NoteWidget, spoken } from "../src/lab/note_widget";
import { marksOf } from "../src/lab/notes";
import type { Document } from "../src/wire/report";
import { renderReport } from "../src/view/render";
import { sample } from "./samples";

const WILD = {
  "a script": "<script>globalThis.harmed = true</script>",
  "an image": "<img src=x onerror='globalThis.harmed = true'>",
  quotes: "\"'`</td></pre>&quot;&lt;]]>-->",
  "right to left": "a\u202eb\u2066c\u200fd\u061ce",
  controls: "a\u0000b\u0007c\bd\u007fe\u009bf",
  escapes: "\u001b[2J\u001b]0;title\u0007\u001b[31mred",
  "line separators": "a\u2028b\u2029c\u0085d",
  long: "n".repeat(10_000),
};
// what would act on, turn or hide the text around it
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** The document of the tests with every text of its notebook replaced. */
function wildDocument(wild: string): Document {
  const report = sample("hostile");
  const [source] = report.trace.sources;
  source!.text = `x = 1  # ${wild.replaceAll("\n", " ")}\n${source!.text}`;
  source!.label = wild;
  Object.assign(report.trace.calls[0]!, { layer: wild, op: wild, error: wild });
  Object.assign(report.notes[0]!, { text: wild, flow: wild });
  Object.assign(report.diagnoses[0]!, { headline: wild, reasons: [wild], origin_note: wild, axis_names: [wild, wild], layer: wild });
  Object.assign(report.diagnoses[0]!.fixes[0]!, { title: wild, untried: wild });
  report.failure = { type: wild, message: wild, span: null };
  return report;
}

function expectHarmless(host: HTMLElement): void {
  expect(host.querySelectorAll("script, img, iframe, object")).toHaveLength(0);
  expect((globalThis as { harmed?: boolean }).harmed).toBeUndefined();
  expect(host.textContent).not.toMatch(HARMFUL);
  for (const element of host.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      expect(name).not.toMatch(/^on|^href$|^src/);
      expect(value, name).not.toMatch(HARMFUL);
    }
  }
}

describe.each(Object.entries(WILD))("%s", (_, wild) => {
  let host: HTMLElement;
  beforeEach(() => {
    host = document.createElement("div");
    document.body.append(host);
  });
  afterEach(() => host.remove());

  test("in the widget", () => {
    const report = wildDocument(wild);
    void act(() => void renderReport(host, report, domActions(host, () => report)));
    expect(host.querySelectorAll(".convmagic-row")).toHaveLength(1);
    expectHarmless(host);
  });

  test("in a note at a line's end, and as it is spoken", () => {
    const note = { text: wild, status: "failed", freshness: "fresh", later: wild, pinnable: false } as const;
    host.append(new NoteWidget(note).toDOM());
    expectHarmless(host);
    expect(spoken(note)).not.toMatch(HARMFUL);
  });

  test("in what is told over a line", () => {
    const report = wildDocument(wild);
    const marks = marksOf(report, "this").map((mark) => ({ mark, line: mark.line, freshness: "fresh" }) as never);
    expect(marks).not.toHaveLength(0);
    void act(() => renderLinePane(host, { document: report, marks, actions: domActions(host, () => report), pin: null }));
    expect(host.textContent).not.toBe("");
    expectHarmless(host);
    clearLinePane(host);
  });

  test("in what is copied", () => {
    const sheet = { titles: ["layer"], rows: [[wild]] };
    expect(csvOf(sheet).split("\r\n").slice(1).join("\r\n").replaceAll('""', '"')).toContain(wild);
    expect(markdownOf(sheet).replaceAll("\\", "")).not.toMatch(/<\w/);
  });
});

test.each(["=1+1", "@SUM(A1)", "+1", "-1+cmd|x", "\tx"])("a spreadsheet does not run %s", (formula) => {
  expect(csvOf({ titles: ["a"], rows: [[formula]] })).toMatch(/^a\r\n"?'/);
});

test.each(["-1", "-1,000", "(None, 3)"])("%s stays as it is", (text) => {
  expect(csvOf({ titles: ["a"], rows: [[text]] })).not.toContain("'");
});
