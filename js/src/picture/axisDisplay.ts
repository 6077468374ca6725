/** Which places of an axis are drawn, and where; as `conv_magic/views/axis_display.py`. */

import { spanOf } from "../core/arithmetic";
import { type Axis, lastOf, startOf } from "../core/geometry";

export const CELLS = 34;
const LEAST_END = 5;
const BREAK = 20;
const [LARGEST_CELL, SMALLEST_CELL] = [22, 5];
const LEAST_LENGTH = 40;

type Run = readonly [number, number];

/** The places of an axis on the screen: stretches with breaks between, each place `unit` pixels long. */
export class AxisDisplay {
  constructor(
    readonly runs: readonly Run[],
    readonly unit: number,
    /** Whether each element is drawn for itself. */
    readonly cells: boolean,
  ) {}

  get length(): number {
    return this.runs.length > 0 ? this.at(this.runs.at(-1)![1]) : 0;
  }

  /** Where the near edge of a place is; of one inside a break, the middle of the break. */
  at(place: number): number {
    let x = 0;
    for (const [number, [start, end]] of this.runs.entries()) {
      if (place < start && number > 0) return x - BREAK / 2;
      if (place <= end) return x + (place - start) * this.unit;
      x += (end - start) * this.unit + BREAK;
    }
    return x - BREAK;
  }

  breaks(): number[] {
    return this.runs.slice(1).map(([start]) => this.at(start) - BREAK / 2);
  }

  shows(start: number, end: number): boolean {
    return this.runs.some((run) => run[0] <= start && end <= run[1]);
  }

  drawn(): number[] {
    if (!this.cells) return [];
    return this.runs.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
  }
}

function runsOf(axis: Axis): { runs: Run[]; cells: boolean } {
  const low = Math.min(0 - axis.before, 0);
  const high = Math.max(axis.size, axis.size + axis.after, lastOf(axis) + spanOf(axis));
  if (high - low <= CELLS) return { runs: [[low, high]], cells: true };
  const head = Math.max(spanOf(axis) + axis.stride, LEAST_END);
  const tail = Math.max(high - lastOf(axis) + axis.stride, LEAST_END);
  if (axis.windows > 1 && head + tail < CELLS) return { runs: [[low, low + head], [high - tail, high]], cells: true };
  return { runs: [[low, high]], cells: false };
}

/** The displays of axes that are drawn together, at one scale, none longer than about `room` pixels. */
export function displays(axes: readonly Axis[], room: number): AxisDisplay[] {
  const found = axes.map((axis) => {
    const { runs, cells } = runsOf(axis);
    return { runs, cells, places: runs.reduce((sum, [start, end]) => sum + end - start, 0) };
  });
  const counted = found.filter(({ cells }) => cells).map(({ runs, places }) => (room - BREAK * (runs.length - 1)) / places);
  const cell = Math.max(Math.min(...counted, LARGEST_CELL), SMALLEST_CELL);
  const long = found.filter(({ cells }) => !cells).map(({ places }) => room / places);
  const stretched = long.length > 0 ? Math.min(...long) : cell;
  return found.map(({ runs, cells }) => new AxisDisplay(runs, cells ? cell : Math.min(stretched, cell), cells));
}

/** The display of what the windows stand for, one element a window, at the same scale. */
export function ofWindows(axis: Axis, shown: AxisDisplay): AxisDisplay {
  const { unit, cells, runs } = shown;
  if (axis.windows < 1) return new AxisDisplay([], unit, cells);
  const whole: Run[] = [[0, axis.windows]];
  if (runs.length === 1) return new AxisDisplay(whole, cells ? unit : Math.max(unit, LEAST_LENGTH / axis.windows), cells);
  const indices = Array.from({ length: Math.min(axis.windows, CELLS) }, (_, i) => i);
  const head = indices.filter((i) => startOf(axis, i) + spanOf(axis) <= runs[0]![1]).length;
  const tail = indices.filter((i) => startOf(axis, axis.windows - 1 - i) >= runs[1]![0]).length;
  if (head + tail >= axis.windows) return new AxisDisplay(whole, unit, cells);
  return new AxisDisplay([[0, head], [axis.windows - tail, axis.windows]], unit, cells);
}
