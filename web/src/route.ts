// Addresses of views: everything after the `#`.

export type Route =
  | { view: "opening" }
  | { view: "lens"; lens: string; finding?: string }
  | { view: "unit"; site: number; unit: number }
  | { view: "class"; index: number }
  | { view: "image"; example: number }
  | { view: "live"; units: string; edit: string }
  | { view: "draw"; place: string }
  | { view: "steer"; place: string; label: number }
  | { view: "patch"; place: string; from: string }
  | { view: "jobs"; lens: string };

/** What removed units hold unless an address says otherwise. */
const MEAN = "mean";

export function parse(hash: string): Route {
  const [view, first, second] = hash.replace(/^#\/?/, "").split("/").map(unescaped);
  const a = Number(first),
    b = Number(second);
  const whole = (n: number) => Number.isInteger(n) && n >= 0;
  if (view === "lens" && first) return { view, lens: first, finding: second };
  if (view === "unit" && first && second && whole(a) && whole(b)) return { view, site: a, unit: b };
  if (view === "class" && first && whole(a)) return { view, index: a };
  if (view === "image" && first && whole(a)) return { view, example: a };
  if (view === "draw") return { view, place: first ?? "" };
  if (view === "steer") return { view, place: first ?? "", label: whole(b) ? b : 0 };
  if (view === "patch") return { view, place: first ?? "", from: second ?? "" };
  if (view === "jobs") return { view, lens: first ?? "" };
  if (view === "live") return { view, units: first ?? "", edit: second || MEAN };
  return { view: "opening" };
}

export function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = {
  lens: (lens: string, finding?: string) =>
    `#/lens/${encodeURIComponent(lens)}${finding ? `/${encodeURIComponent(finding)}` : ""}`,
  unit: (site: number, unit: number) => `#/unit/${site}/${unit}`,
  class: (index: number) => `#/class/${index}`,
  image: (example: number) => `#/image/${example}`,
  draw: (place: number | string = "") => `#/draw${place === "" ? "" : `/${place}`}`,
  steer: (place: number | string = "", label = 0) =>
    `#/steer${place === "" && !label ? "" : `/${place}`}${label ? `/${label}` : ""}`,
  patch: (place: number | string = "", from: number | string = "") =>
    `#/patch${place === "" ? "" : `/${place}`}${from === "" ? "" : `/${from}`}`,
  jobs: (lens = "") => `#/jobs${lens && `/${encodeURIComponent(lens)}`}`,
  live: (units: string, edit: string) =>
    `#/live${units || edit !== MEAN ? `/${units}` : ""}${edit === MEAN ? "" : `/${encodeURIComponent(edit)}`}`,
};

export function go(hash: string): void {
  location.hash = hash;
}
