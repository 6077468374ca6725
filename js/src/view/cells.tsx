/** What stands in a cell of the table, where it is more than a text. */

import { exactText } from "../core/figures";
import type { CallRecord, Span } from "../wire/report";
import type { Row, Status } from "../core/rows";
import { agree, type Shape, shapeText } from "../core/shape";
import { agrees } from "../core/tree";
import { visible } from "../core/visible";
import { GLYPHS } from "./head";
import { ShapeText } from "./shapes";

interface CellProps {
  row: Row;
}

export function Name({ row }: CellProps) {
  const { call, name, turns } = row;
  return (
    <>
      <bdi>{visible(name)}</bdi>
      {!tellsOp(call) && <bdi class="convmagic-op">{visible(call.op)}</bdi>}
      {turns && <span class="convmagic-op">{exactText(turns.length)} rows</span>}
    </>
  );
}

/** Whether the name is the one that Keras gives by itself (`max_pooling2d_3` for a MaxPooling2D). */
export function tellsOp({ layer, op }: CallRecord): boolean {
  const plain = (text: string) => text.replaceAll("_", "").toLowerCase();
  return layer === null || plain(layer.replace(/_\d+$/, "")) === plain(op);
}

/** The line of the call, which a click shows; from the keyboard Enter does, anywhere in the row. */
export function Line({ row, onReveal }: CellProps & { onReveal: (span: Span) => void }) {
  const { span } = row.call;
  return (
    <span class={span ? "convmagic-to-line" : undefined} onClick={() => span && onReveal(span)}>
      {visible(row.lineText)}
    </span>
  );
}

/** Inputs of one shape are said once: `(None, 16, 16, 32) ×2`. */
export function inputsBrief(row: Row): string {
  const { inputs } = row.call;
  return isRepeated(row) ? `${shapeText(inputs[0]!)} ×${inputs.length}` : row.inputText;
}

function isRepeated({ call, turns }: Row): boolean {
  const [first, ...others] = call.inputs.map(shapeText);
  return !turns && others.length > 0 && others.every((shape) => shape === first);
}

export function Inputs({ row }: CellProps) {
  if (row.turns) return <>{row.inputText}</>;
  const { inputs } = row.call;
  if (isRepeated(row)) {
    return (
      <>
        <ShapeText shape={inputs[0]!} /> <span class="convmagic-quiet">×{inputs.length}</span>
      </>
    );
  }
  return (
    <>
      {inputs.map((shape, i) => (
        <span key={i} class="convmagic-input">
          <ShapeText shape={shape} />
        </span>
      ))}
    </>
  );
}

export function Expected({ row }: CellProps) {
  const { expected } = row.call;
  if (!expected) return null;
  const quiet = row.outputText !== "" && agrees(row) ? "convmagic-quiet" : "";
  return <span class={quiet}>{row.turns ? row.expectedText : <ShapeText shape={expected} />}</span>;
}

export function Output({ row }: CellProps) {
  const { expected, output } = row.call;
  if (row.outputText === "") return <span class="convmagic-quiet">none</span>;
  if (row.turns || !output) return <>{row.outputText}</>;
  return <ShapeText shape={output} marked={expected && !agree(expected, output) ? differing(expected, output) : undefined} />;
}

function differing(expected: Shape, output: Shape): Set<number> {
  const known = (a: number | null | undefined, b: number | null | undefined) => a !== null && b !== null;
  return new Set(output.flatMap((axis, i) => (known(expected[i], axis) && expected[i] !== axis ? [i] : [])));
}

const WORDS: Record<Status, string> = { ok: "ok", warning: "warning", failed: "failed", inside: "failed inside", running: "running" };
const FAILED = { returned: "failed", raised: "failed", guarded: "guarded", entered: "not finished" };

/** The status in one word, as the frame and the static page say it, and more exactly where it did not end well. */
export const statusText = (row: Row): string => (row.status === "failed" ? FAILED[row.call.outcome] : WORDS[row.status]);

/** The row's own status; of a folded row also what lies inside it. */
export function StatusMark({ row, folded }: { row: Row; folded: boolean }) {
  const hidden = folded && row.worst !== row.status;
  return (
    <span class="convmagic-status">
      <span aria-hidden="true">{GLYPHS[hidden ? row.worst : row.status]}</span>{" "}
      <span class="convmagic-status-word">{hidden && row.worst !== "inside" ? `${row.worst} inside` : statusText(row)}</span>
    </span>
  );
}
