// Colours of cells: orange for a loss, blue for a gain; of other numbers orange below zero, blue above. Zero is the page itself.

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

/** Which sign of a number is a loss: an effect's is −1, a drop's 1; 0 where it is neither loss nor gain. What is kept beyond a random set is a gain. */
export function loss(name: string, kind = ""): -1 | 0 | 1 {
  return /drop|shapley$|area$/.test(name)
    ? /^keep/.test(kind)
      ? -1
      : 1
    : /effect|^(specific|growth|interaction|total|direct|response)$/.test(name)
      ? -1
      : 0;
}

/** What captions say of the scale: a loss has one colour everywhere. */
export function sides(name: string, lost: string, zero: string): string {
  const more = /growth|interaction|area/.test(name) ? " more" : "";
  return loss(name)
    ? `Orange: the class loses${more} ${lost}; blue: it ${more ? "loses less" : "gains"}`
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
