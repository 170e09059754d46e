// Colours of cells: orange for a loss, blue for a gain; of other numbers orange below zero, blue above. Zero is the page itself.

import type { Column } from "./data";

export type Rgb = [number, number, number];

export interface Palette {
  paper: Rgb;
  low: Rgb;
  high: Rgb;
  ink: string;
  soft: string;
  none: string;
}

const LIGHT: Palette = {
  paper: [255, 255, 255],
  low: [179, 71, 0],
  high: [5, 80, 174],
  ink: "#1b1f24",
  soft: "#57606a",
  none: "#d8dee4",
};
const DARK: Palette = {
  paper: [15, 19, 24],
  low: [255, 158, 87],
  high: [121, 184, 255],
  ink: "#e6edf3",
  soft: "#9aa4b0",
  none: "#30363d",
};

export function palette(): Palette {
  const theme = document.documentElement.dataset.theme;
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? DARK : LIGHT;
}

/** What captions say of the scale: a loss has one colour everywhere. What is beyond a control is more than it. */
export function sides({ worse, beyond }: Column, lost: string, zero: string): string {
  return worse
    ? `Orange: the class loses${beyond ? " more" : ""} ${lost}; blue: it ${beyond ? "loses less" : "gains"}`
    : `Blue above ${zero}, orange below`;
}

/** What captions say of it. */
export const SCALE = "the colour grows with the square root";

/** Colour of a value between -limit and +limit; its share grows with the square root, so that small ones are seen. */
export function colour(value: number, limit: number, by: Palette): string {
  if (!Number.isFinite(value)) return by.none;
  const share = Math.sqrt(Math.min(1, Math.abs(value) / (limit || 1)));
  const end = value < 0 ? by.low : by.high;
  const mixed = by.paper.map((c, i) => Math.round(c + (end[i] - c) * share));
  return `rgb(${mixed.join(",")})`;
}

/** The largest size among up to 500 values; of more, two in a thousand may be larger: one outlier blanks no map. */
export function limitOf(values: ArrayLike<number>): number {
  const sizes = Float64Array.from(Array.from(values).filter(Number.isFinite).map(Math.abs)).sort();
  return sizes.length
    ? sizes[Math.ceil(0.998 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1
    : 1;
}

export function onTheme(draw: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", draw);
  addEventListener("theme", draw);
  return () => {
    media.removeEventListener("change", draw);
    removeEventListener("theme", draw);
  };
}
