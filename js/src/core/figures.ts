/** Figures as text; the same words as the static page. */

const grouped = new Intl.NumberFormat("en-US");
const UNITS = ["k", "M", "G"];

export const exactText = (figure: number): string => grouped.format(figure);

/** `9,408` exactly, from ten thousand on with one decimal: `31.8 k`, `1.2 M`. */
export function figureText(figure: number): string {
  return Math.abs(figure) < 10_000 ? exactText(figure) : scaled(figure);
}

/** With one decimal and the unit's letter: `31.8 k`. */
function scaled(figure: number): string {
  let value = figure / 1000;
  let unit = 0;
  while (unit < UNITS.length && Math.abs(value) >= 999.95) [value, unit] = [value / 1000, unit + 1];
  return `${value.toFixed(1).replace(/\.0$/, "")} ${UNITS[unit] ?? "T"}`;
}

/** A size in memory: `640 B`, `2.1 MB`; a thousand bytes are a kilobyte. */
export function bytesText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${scaled(bytes)}B`;
}

/** A time: `0.42 ms`, `21 ms`, `1.3 s`, `2 min 5 s`. */
export function secondsText(seconds: number): string {
  if (seconds >= 100) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  const [value, unit] = seconds >= 1 ? [seconds, "s"] : [seconds * 1000, "ms"];
  return `${Number(value.toPrecision(2))} ${unit}`;
}
