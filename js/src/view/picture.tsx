/** The picture of the selected call's arithmetic: drawn to scale, with a window to move, and the same in words. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { spanOf } from "../core/arithmetic";
import { startOf } from "../core/geometry";
import { type Drawing, links, taps } from "../picture/grid";
import { figure, type Ink, path } from "../picture/ink";
import { type Drawable, type Picture, pictureOf } from "../picture/picture";
import { visible } from "../core/visible";

/** Below this width of the pane the output stands under the input. */
const NARROW = 520;
const FRAME_MILLISECONDS = 130;

type Planes = Drawing["planes"];

export function ArithmeticPicture({ drawable, name }: { drawable: Drawable; name: string }) {
  const [pane, narrow] = useNarrow();
  const picture = useMemo(() => pictureOf(drawable, narrow), [drawable, narrow]);
  return (
    <div class="convmagic-arithmetic" ref={pane}>
      {picture && <Figure picture={picture} name={name} narrow={narrow} />}
    </div>
  );
}

function useNarrow() {
  const pane = useRef<HTMLDivElement>(null);
  const [narrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const element = pane.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const measure = () => setNarrow(element.clientWidth > 0 && element.clientWidth < NARROW);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [pane, narrow] as const;
}

function Figure({ picture, name, narrow }: { picture: Picture; name: string; narrow: boolean }) {
  const { scene, words } = picture;
  const planes = scene.planes ?? [];
  const [step, setStep] = useState<number | null>(null);
  const count = stepsOf(planes);
  const at = step === null || count < 2 ? null : Math.min(step, count - 1);
  const label = `the arithmetic of ${visible(name)}: ${words.join("; ")}`;
  return (
    <figure>
      <svg
        class="convmagic-ink"
        viewBox={`0 0 ${figure(scene.width)} ${figure(scene.height)}`}
        width={figure(scene.width)}
        height={figure(scene.height)}
        role="img"
        aria-label={label}
        onPointerMove={(event) => setStep(stepUnder(event, planes) ?? step)}
      >
        {scene.inks.map((ink, i) => (
          <InkMark key={i} ink={ink} />
        ))}
        {at !== null && <Moving planes={planes} step={at} narrow={narrow} />}
      </svg>
      {count > 1 && <Mover planes={planes} count={count} step={at} onStep={setStep} />}
      <figcaption>
        {words.map((sentence, i) => (
          <p key={i}>{visible(sentence)}</p>
        ))}
      </figcaption>
    </figure>
  );
}

export function InkMark({ ink }: { ink: Ink }) {
  const role = `convmagic-ink-${ink.role}`;
  if (ink.kind === "path") return <path class={role} d={ink.d} />;
  if (ink.kind === "rect") return <rect class={role} x={figure(ink.x)} y={figure(ink.y)} width={figure(ink.width)} height={figure(ink.height)} />;
  return (
    <text class={role} x={figure(ink.x)} y={figure(ink.y)} text-anchor={ink.anchor}>
      {visible(ink.text)}
    </text>
  );
}

/** The windows that are drawn along both axes of a plane. */
const indicesOf = (runs: readonly (readonly [number, number])[]) => runs.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
const drawnWindows = ({ small }: Planes[number]) => ({ rows: indicesOf(small.rows.runs), columns: indicesOf(small.columns.runs) });

/** How many places a moving window has: in a plane row by row; of several strips those of the longest. */
function stepsOf(planes: Planes): number {
  const counts = planes.map((plane) => {
    if (plane.rows.windows < 1 || plane.columns.windows < 1) return 0;
    const { rows, columns } = drawnWindows(plane);
    return rows.length * columns.length;
  });
  return Math.max(0, ...counts);
}

/** The row and column of the window at a step; strips shorter than the longest go slower. */
function windowAt(plane: Planes[number], step: number, count: number): [number, number] | null {
  const { rows, columns } = drawnWindows(plane);
  const own = rows.length * columns.length;
  if (own === 0 || plane.rows.windows < 1 || plane.columns.windows < 1) return null;
  const at = own === count ? step : Math.floor((step * own) / count);
  return [rows[Math.floor(at / columns.length)]!, columns[at % columns.length]!];
}

function Moving({ planes, step, narrow }: { planes: Planes; step: number; narrow: boolean }) {
  const count = stepsOf(planes);
  return (
    <g class="convmagic-moving">
      {planes.map((plane, i) => {
        const place = windowAt(plane, step, count);
        return place && <MovingWindow key={i} plane={plane} place={place} stacked={narrow || planes.length > 1 || plane.large.rows.length < 30} />;
      })}
    </g>
  );
}

function MovingWindow({ plane, place, stacked }: { plane: Planes[number]; place: [number, number]; stacked: boolean }) {
  const { large, small, rows, columns } = plane;
  const [row, column] = [startOf(rows, place[0]), startOf(columns, place[1])];
  const window = large.rect("moving", [row, row + spanOf(rows)], [column, column + spanOf(columns)]);
  const cell = small.rect("moving", [place[0], place[0] + 1], [place[1], place[1] + 1]);
  const below = stacked && Math.abs(large.y - small.y) > 1 && large.x - small.x < 30;
  const [start, end] = (below ? large.y < small.y : large.x < small.x) ? [window, cell] : [cell, window];
  const dilated = Math.max(rows.dilation, columns.dilation) > 1;
  return (
    <>
      <InkMark ink={links(start, end, below)} />
      <InkMark ink={window} />
      {dilated && <InkMark ink={path("tap", taps(large, rows, columns, row, column))} />}
      <InkMark ink={cell} />
    </>
  );
}

/** The step whose result lies under the pointer. */
function stepUnder(event: PointerEvent, planes: Planes): number | null {
  const svg = event.currentTarget as SVGSVGElement;
  const box = svg.getBoundingClientRect();
  const scale = svg.viewBox.baseVal.width / (box.width || 1);
  const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  const count = stepsOf(planes);
  for (const plane of planes) {
    const { rows, columns } = drawnWindows(plane);
    const { small } = plane;
    const row = rows.findIndex((index) => y >= small.y + small.rows.at(index) && y < small.y + small.rows.at(index + 1));
    const column = columns.findIndex((index) => x >= small.x + small.columns.at(index) && x < small.x + small.columns.at(index + 1));
    const own = rows.length * columns.length;
    if (row >= 0 && column >= 0) return Math.ceil(((row * columns.length + column) * count) / own);
  }
  return null;
}

interface MoverProps {
  planes: Planes;
  count: number;
  step: number | null;
  onStep: (step: number | null) => void;
}

/** A slider that moves the window, and a button that lets it run. */
function Mover({ planes, count, step, onStep }: MoverProps) {
  const [running, setRunning] = useState(false);
  const next = useRef(0);
  next.current = step === null ? 0 : step + 1;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => (next.current < count ? onStep(next.current) : setRunning(false)), FRAME_MILLISECONDS);
    return () => clearInterval(timer);
  }, [running, count]);
  const place = step === null ? null : windowAt(planes[0]!, step, count);
  const total = planes[0]!.rows.windows * planes[0]!.columns.windows;
  const which = place && planes.length === 1 ? place[0] * planes[0]!.columns.windows + place[1] + 1 : null;
  return (
    <div class="convmagic-mover">
      <button
        type="button"
        class="convmagic-button"
        aria-label={running ? "stop the window" : "let the window run"}
        onClick={() => {
          if (!running && (step === null || step >= count - 1)) onStep(0);
          setRunning(!running);
        }}
      >
        {running ? "❚❚" : "▶"}
      </button>
      <input
        type="range"
        min={0}
        max={count - 1}
        value={step ?? 0}
        aria-label="move the window"
        aria-valuetext={which === null ? undefined : `window ${which} of ${total}`}
        onInput={(event) => {
          setRunning(false);
          onStep(Number(event.currentTarget.value));
        }}
      />
      <span class="convmagic-quiet">{which === null ? "move the window" : `window ${which.toLocaleString("en-US")} of ${total.toLocaleString("en-US")}`}</span>
    </div>
  );
}
