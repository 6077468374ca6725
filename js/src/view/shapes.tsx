/** A shape with its differing axes marked, and two shapes one above the other. */

import type { Diagnosis } from "../wire/report";
import { type AxisPair, axisText, pairAxes, type Shape } from "../core/shape";
import { visible } from "../core/visible";

/** `(None, 28, 28, 3)`; the axes in `marked` stand out. */
export function ShapeText({ shape, marked }: { shape: Shape; marked?: ReadonlySet<number> | undefined }) {
  return (
    <span class="convmagic-shape">
      (
      {shape.map((size, axis) => (
        <span key={axis}>
          {axis > 0 && ", "}
          <Axis size={size} differs={marked?.has(axis) ?? false} />
        </span>
      ))}
      {shape.length === 1 && ","})
    </span>
  );
}

function Axis({ size, differs }: { size: number | null; differs: boolean }) {
  const text = axisText(size);
  if (differs) return <mark class="convmagic-differs">{text}</mark>;
  return size === null ? <span class="convmagic-unknown">{text}</span> : <>{text}</>;
}

/** What was needed over what came, axis under axis. */
export function Comparison({ diagnosis }: { diagnosis: Diagnosis }) {
  const { expected, actual, axes, axis_names: names } = diagnosis;
  if (!expected || !actual) return null;
  const pairs = pairAxes(expected, actual, axes, names);
  return (
    <table class="convmagic-comparison">
      <thead>
        <tr>
          <td />
          {pairs.map((pair, i) => (
            <th key={i} scope="col">
              {visible(pair.name ?? "")}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <ComparisonRow label="needs" pairs={pairs} pick={(pair) => pair.expected} />
        <ComparisonRow label="this is" pairs={pairs} pick={(pair) => pair.actual} />
      </tbody>
    </table>
  );
}

interface ComparisonRowProps {
  label: string;
  pairs: AxisPair[];
  pick: (pair: AxisPair) => number | null | undefined;
}

function ComparisonRow({ label, pairs, pick }: ComparisonRowProps) {
  return (
    <tr>
      <th scope="row">{label}</th>
      {pairs.map((pair, i) => {
        const size = pick(pair);
        const text = size === undefined ? "–" : size === null ? (label === "needs" ? "any" : "None") : String(size);
        return (
          <td key={i} class={pair.differs ? "convmagic-differs" : size == null ? "convmagic-unknown" : ""}>
            {text}
          </td>
        );
      })}
    </tr>
  );
}
