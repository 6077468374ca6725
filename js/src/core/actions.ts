/**
 * What the view asks of the page around it, as DOM events, so that the same view works in every front end.
 *
 * The request bubbles (through shadow roots too) and is cancelable: whoever does it calls `preventDefault()`,
 * whoever must not do it says why in `refused`.  Where nobody listens, the view offers the text to copy.
 */

import { applyFix, sourceOf } from "./fix";
import type { Document, Fix, Span } from "../wire/report";

export const APPLY = "conv-magic:apply";
export const REVEAL = "conv-magic:reveal";
/** Asks whether somebody in the page applies fixes; whoever does calls `preventDefault()`. */
export const OFFER = "conv-magic:offer";

export interface ApplyRequest {
  cell_id: string | null;
  /** The cell that ran, where the fix is for another one. */
  ran_id: string | null;
  fix: Fix;
  /** The text that was analysed. */
  source: string;
  run: boolean;
  /** The other cells that must run again before the one with the fault, in order. */
  reruns: readonly (string | null)[];
  refused?: string;
}

export interface RevealRequest {
  cell_id: string | null;
  span: Span;
  source: string;
}

/** How a request ended; `message` is for the person who asked. */
export interface Outcome {
  done: boolean;
  message: string;
}

export interface Actions {
  /** Whether this page can change a cell; else a fix is copied. */
  canApply(): boolean;
  apply(fix: Fix): Outcome;
  applyAndRun(fix: Fix): Outcome;
  copy(fix: Fix): Promise<Outcome>;
  reveal(span: Span): void;
}

/** Said where there is nothing but copies: VS Code, Colab, a Jupyter without the extension. */
export const ONLY_COPIES = "this page gives no access to the cell: copy the repaired one and paste it over the cell";

const NO_EDITOR = "this page gives no access to the cell; copy the repaired cell instead";

/** Actions that speak through `host`, which must lie in the page when they are used. */
export function domActions(host: Element, current: () => Document): Actions {
  const apply = (fix: Fix, run: boolean): Outcome => {
    const source = sourceOf(current(), fix.cell);
    if (!source) return { done: false, message: "the document does not hold the text of this cell" };
    const reruns = fix.reruns.map((cell) => sourceOf(current(), cell)?.cell_id ?? null);
    const ran = current().trace.sources[0];
    const ran_id = ran && ran.cell !== fix.cell ? ran.cell_id : null;
    const request: ApplyRequest = { cell_id: source.cell_id, ran_id, fix, source: source.text, run, reruns };
    const done = !dispatch(host, APPLY, request);
    return { done, message: done ? doneText(run) : (request.refused ?? NO_EDITOR) };
  };
  return {
    canApply: () => !host.ownerDocument.dispatchEvent(new CustomEvent(OFFER, { cancelable: true })),
    apply: (fix) => apply(fix, false),
    applyAndRun: (fix) => apply(fix, true),
    copy: (fix) => copyRepaired(current(), fix),
    reveal(span) {
      const source = sourceOf(current(), span.cell);
      if (source) dispatch(host, REVEAL, { cell_id: source.cell_id, span, source: source.text } satisfies RevealRequest);
    },
  };
}

const doneText = (run: boolean) => (run ? "applied, the cell runs" : "applied; run the cell to see its shapes");

function dispatch(host: Element, type: string, detail: ApplyRequest | RevealRequest): boolean {
  return host.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
}

async function copyRepaired(document: Document, fix: Fix): Promise<Outcome> {
  const text = applyFix(document, fix, sourceOf(document, fix.cell)?.text ?? "");
  try {
    await navigator.clipboard.writeText(text);
    return { done: true, message: "the repaired cell is on the clipboard" };
  } catch {
    return { done: false, message: "this page may not write to the clipboard; select the lines of the diff" };
  }
}
