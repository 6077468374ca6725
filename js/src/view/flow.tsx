/** The picture of the flow: the cell's calls as blocks; a click, Enter or the arrow keys select the row. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { flowOf } from "../core/flow";
import { type Block, flowPicture, type FlowPicture, nameOf } from "../picture/flow";
import { figure } from "../picture/ink";
import type { Document } from "../wire/report";
import { shapeText } from "../core/shape";
import { visible } from "../core/visible";
import { InkMark } from "./picture";

/** The flow of more calls is drawn when it is asked for: the table must be there first. */
const DRAWN_AT_ONCE = 1000;

/** A picture no wider than this has room beside the diagnosis. */
const SMALL = 414;

export interface FlowProps {
  document: Document;
  selected: number | null;
  onSelect: (index: number) => void;
}

export function FlowView({ document, selected, onSelect }: FlowProps) {
  const many = document.trace.calls.length > DRAWN_AT_ONCE;
  const [open, setOpen] = useState(!many);
  const picture = useMemo(() => {
    const flow = open ? flowOf(document) : null;
    return flow && flowPicture(flow);
  }, [document, open]);
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => bringIntoView(pane.current), [selected, picture]);
  if (!picture && !many && open) return null;
  return (
    <details class="convmagic-flow" data-small={picture !== null && picture.scene.width <= SMALL} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>the flow of shapes</summary>
      {picture ? <Blocks pane={pane} picture={picture} selected={selected} onSelect={onSelect} /> : open && <p class="convmagic-quiet">no calls follow each other</p>}
    </details>
  );
}

interface BlocksProps {
  pane: { current: HTMLDivElement | null };
  picture: FlowPicture;
  selected: number | null;
  onSelect: (index: number) => void;
}

function Blocks({ pane, picture: { scene, blocks, words }, selected, onSelect }: BlocksProps) {
  const order = blocks.flatMap(({ node }) => node.call?.index ?? []).sort((a, b) => a - b);
  const entry = selected !== null && order.includes(selected) ? selected : order[0];
  return (
    <>
      <div class="convmagic-flow-pane" ref={pane} tabIndex={0} role="group" aria-label={`the flow of shapes: ${visible(words)}`} onKeyDown={(event) => moveByKey(event, order, onSelect)}>
        <svg class="convmagic-ink" viewBox={`0 0 ${figure(scene.width)} ${figure(scene.height)}`} width={figure(scene.width)} height={figure(scene.height)}>
          <g aria-hidden="true">
            {scene.inks.map((ink, i) => (
              <InkMark key={i} ink={ink} />
            ))}
          </g>
          {blocks.map((block) => (
            <BlockButton key={block.node.call?.index ?? -1} block={block} selected={selected} entry={entry} onSelect={onSelect} />
          ))}
        </svg>
      </div>
      <p class="convmagic-quiet">
        {visible(words)}. Height: rows, width: channels, both logarithmic
        {blocks.some(({ node }) => node.folded > 0) && "; ▣ folded"}
        {blocks.some(({ node }) => node.origin) && "; ◆ where the number comes from"}.
      </p>
    </>
  );
}

interface BlockButtonProps {
  block: Block;
  selected: number | null;
  entry: number | undefined;
  onSelect: (index: number) => void;
}

/** A transparent button over a block and its labels. */
function BlockButton({ block: { node, x, y, width, height, depth }, selected, entry, onSelect }: BlockButtonProps) {
  const { call } = node;
  if (call === null) return null;
  const field = call.cost.receptive_field;
  const words = [
    `${nameOf(node)}${call.layer === null || call.layer === call.op ? "" : ` (${call.op})`}`,
    call.span ? `line ${call.span.line}` : "",
    `${call.inputs.map(shapeText).join(" and ")} to ${call.output ? shapeText(call.output) : "no output"}`,
    field && field.length > 0 ? `sees ${field.join(" × ")} of the input` : "",
    node.status === "ok" ? "" : node.status,
    node.origin ? "where the number comes from" : "",
    node.folded > 0 ? `${node.folded} calls inside` : "",
  ];
  const label = visible(words.filter(Boolean).join(", "));
  return (
    <rect
      class="convmagic-flow-node"
      data-index={call.index}
      x={figure(x - 4)}
      y={figure(y - depth - 4)}
      width={figure(width + depth + 8)}
      height={figure(height + depth + 8)}
      role="button"
      tabIndex={call.index === entry ? 0 : -1}
      aria-label={label}
      aria-pressed={call.index === selected}
      onClick={() => onSelect(call.index)}
    >
      <title>{label}</title>
    </rect>
  );
}

/** Bring the selected block into the pane's own window; the page itself does not move. */
function bringIntoView(pane: HTMLElement | null): void {
  const chosen = pane?.querySelector<SVGRectElement>('[aria-pressed="true"]');
  if (!pane || !chosen) return;
  const [x, width] = [Number(chosen.getAttribute("x")), Number(chosen.getAttribute("width"))];
  if (x < pane.scrollLeft) pane.scrollLeft = Math.max(x - 60, 0);
  else if (x + width > pane.scrollLeft + pane.clientWidth) pane.scrollLeft = x + width + 60 - pane.clientWidth;
}

const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowRight: (at, last) => Math.min(at + 1, last),
  ArrowLeft: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
  Enter: (at) => at,
  " ": (at) => at,
};

function moveByKey(event: KeyboardEvent, order: readonly number[], onSelect: (index: number) => void): void {
  const node = (event.target as Element).closest<SVGElement>(".convmagic-flow-node");
  const step = STEPS[event.key];
  if (!node || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = order[step(order.indexOf(Number(node.dataset["index"])), order.length - 1)];
  if (index === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // a notebook moves between cells with the same keys
  (event.currentTarget as Element).querySelector<SVGElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true });
  onSelect(index);
}
