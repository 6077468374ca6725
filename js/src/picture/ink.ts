/** What a picture is made of; `conv_magic/views/ink.py` draws the same for the static page. */

export type Anchor = "start" | "middle" | "end";
export type Rect = { kind: "rect"; role: string; x: number; y: number; width: number; height: number };
export type Path = { kind: "path"; role: string; d: string };
export type Text = { kind: "text"; role: string; x: number; y: number; text: string; anchor: Anchor };
export type Ink = Rect | Path | Text;

/** What comes later lies above. */
export interface Scene {
  width: number;
  height: number;
  inks: Ink[];
}

const HATCH = 5;
/** About the width of a character of the labels' font. */
export const CHARACTER = 6.2;

export const rect = (role: string, x: number, y: number, width: number, height: number): Rect => ({ kind: "rect", role, x, y, width, height });
export const path = (role: string, d: string): Path => ({ kind: "path", role, d });
export const text = (role: string, x: number, y: number, value: string, anchor: Anchor = "middle"): Text => ({ kind: "text", role, x, y, text: value, anchor });

/** A length with at most one decimal. */
export const figure = (length: number): string => String(Math.floor(length * 10 + 0.5) / 10 || 0);
export const line = (x: number, y: number, x2: number, y2: number) => `M${figure(x)} ${figure(y)}L${figure(x2)} ${figure(y2)}`;
/** A rectangle in path notation, so that many are one element. */
export const box = (x: number, y: number, width: number, height: number) =>
  `M${figure(x)} ${figure(y)}h${figure(width)}v${figure(height)}h${figure(-width)}z`;

/** Diagonal lines that fill a rectangle: a mark that needs no colour. */
export function hatching(x: number, y: number, width: number, height: number): string {
  let strokes = "";
  for (let reach = HATCH; reach < width + height; reach += HATCH) {
    const [left, top] = [Math.min(reach, width), Math.max(reach - width, 0)];
    const [right, bottom] = [Math.max(reach - height, 0), Math.min(reach, height)];
    strokes += line(x + left, y + top, x + right, y + bottom);
  }
  return strokes;
}

/** A rectangle with its hatching. */
export const marked = (area: Rect): Ink[] => [area, path(`${area.role}-hatch`, hatching(area.x, area.y, area.width, area.height))];

/** A swatch of each role with its meaning, in rows no wider than `width`. */
export function legend(entries: [string, string][], y: number, width: number): Ink[] {
  let x = 0;
  return entries.flatMap(([role, meaning]) => {
    const needed = 20 + meaning.length * CHARACTER + 14;
    if (x > 0 && x + needed > width) [x, y] = [0, y + 18];
    const swatch = rect(role, x + 1, y, 12, 12);
    const inks = [...(["lost", "cut", "excess"].includes(role) ? marked(swatch) : [swatch]), text("label", x + 20, y + 10, meaning, "start")];
    x += needed;
    return inks;
  });
}
