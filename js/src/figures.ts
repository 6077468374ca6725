/** Figures as text; the same words as the static page. */

const grouped = new Intl.NumberFormat("en-US");
const UNITS = ["k", "M", "G"];

export const exactText = (figure: number): string => grouped.format(figure);

/** `9,408` exactly, from ten thousand on with one decimal: `31.8 k`, `1.2 M`. */
export function figureText(figure: number): string {
  if (Math.abs(figure) < 10_000) return exactText(figure);
  let value = figure / 1000;
  let unit = 0;
  while (unit < UNITS.length && Math.abs(value) >= 999.95) [value, unit] = [value / 1000, unit + 1];
  return `${value.toFixed(1).replace(/\.0$/, "")} ${UNITS[unit] ?? "T"}`;
}
