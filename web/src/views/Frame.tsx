// What stands around every picture: its words, the table behind it, and ways to take it along.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Table } from "../data";
import { DataTable } from "./DataTable";

export function Frame({ caption, table, rows, children }: { caption: string; table?: Table; rows?: number[]; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [drawn, setDrawn] = useState(0);
  const name = table?.name ?? "picture";
  // charts and graphs, but not the small signs of a chart's legend
  const vectors = () => box.current!.querySelectorAll<SVGElement>(".chart svg[role=img], svg[role=group]");
  useEffect(() => setDrawn(vectors().length));
  return (
    <figure class="view">
      <div ref={box}>{children}</div>
      <figcaption>{caption}</figcaption>
      <p class="tools">
        {table && <button aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "hide table" : "show table"}</button>}
        <button onClick={() => pixels(box.current!).then((copy) => copy.toBlob((png) => png && save(png, `${name}.png`)))}>save PNG</button>
        {drawn > 0 && <button onClick={() => vectors().forEach((svg, i) => save(vector(svg), `${name}${i ? `-${i + 1}` : ""}.svg`))}>save SVG</button>}
      </p>
      {open && table && <DataTable table={table} rows={rows} />}
    </figure>
  );
}

export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The box's drawing as SVG, where it is one. */
function vector(svg: SVGElement): Blob {
  const copy = svg.cloneNode(true) as SVGElement, styles = getComputedStyle(document.documentElement);
  copy.setAttribute("color", getComputedStyle(svg).color);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  // the page's colours are names that no other program knows
  const text = new XMLSerializer().serializeToString(copy).replace(/var\((--\w+)\)/g, (_, name) => styles.getPropertyValue(name).trim());
  return new Blob([text], { type: "image/svg+xml" });
}

/** Everything drawn in the box, in its places, on the page's background, two dots to a pixel. */
async function pixels(box: HTMLElement): Promise<HTMLCanvasElement> {
  const all = [...box.querySelectorAll<HTMLCanvasElement | SVGSVGElement>("canvas, svg")];
  const places = all.map((drawn) => drawn.getBoundingClientRect());
  const [x, y] = [Math.min(...places.map((p) => p.left)), Math.min(...places.map((p) => p.top))];
  const [right, bottom] = [Math.max(...places.map((p) => p.right)), Math.max(...places.map((p) => p.bottom))];
  const copy = Object.assign(document.createElement("canvas"), { width: 2 * (right - x), height: 2 * (bottom - y) });
  const pen = copy.getContext("2d")!;
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, copy.width, copy.height);
  pen.imageSmoothingEnabled = false;
  for (const [i, drawn] of all.entries()) {
    const { left, top, width, height } = places[i];
    let picture: HTMLCanvasElement | HTMLImageElement = new Image();
    if (drawn instanceof HTMLCanvasElement) picture = drawn;
    else {
      picture.src = URL.createObjectURL(vector(drawn));
      await picture.decode();
      URL.revokeObjectURL(picture.src);
    }
    pen.drawImage(picture, 2 * (left - x), 2 * (top - y), 2 * width, 2 * height);
  }
  return copy;
}

/** A labelled choice among names. */
export function Pick<T extends string | number>({ name, from, at, set, word }: { name: string; from: readonly T[]; at: T; set: (value: T) => void; word?: (value: T) => string }) {
  if (from.length < 2) return null;
  return (
    <label class="pick">
      {name.replaceAll("_", " ")}{" "}
      <select value={String(from.indexOf(at))} onChange={(e) => set(from[Number(e.currentTarget.value)])}>
        {from.map((value, i) => <option key={i} value={String(i)}>{word ? word(value) : String(value)}</option>)}
      </select>
    </label>
  );
}
