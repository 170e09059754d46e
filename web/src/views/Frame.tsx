// What stands around every picture: its words, the table behind it, and ways to take it along.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Table } from "../data";
import { DataTable } from "./DataTable";

export function Frame({ caption, table, rows, children }: { caption: string; table?: Table; rows?: number[]; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  return (
    <figure class="view">
      <div ref={box}>{children}</div>
      <figcaption>{caption}</figcaption>
      <p class="tools">
        {table && <button aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "hide table" : "show table"}</button>}
        <button onClick={() => exportPicture(box.current!, table?.name ?? "picture")}>save picture</button>
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

/** The box's drawing as SVG where it is one, else as PNG on the page's background. */
function exportPicture(box: HTMLElement, name: string): void {
  const svg = box.querySelector("svg");
  if (svg) {
    const copy = svg.cloneNode(true) as SVGElement;
    copy.setAttribute("color", getComputedStyle(svg).color);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return save(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }), `${name}.svg`);
  }
  const drawn = box.querySelector("canvas");
  if (!drawn) return;
  const copy = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height });
  const pen = copy.getContext("2d")!;
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, copy.width, copy.height);
  pen.drawImage(drawn, 0, 0);
  copy.toBlob((png) => png && save(png, `${name}.png`));
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
