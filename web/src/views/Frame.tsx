// What stands around every picture: its words, the table behind it, and ways to take it along.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Table } from "../data";
import { plain } from "../wording";
import { useAudit } from "./context";
import { DataTable } from "./DataTable";
import { pixels, standalone } from "./saved";

export function Frame({
  caption: written,
  name: own,
  table,
  rows,
  children,
}: {
  caption: string;
  /** What a picture without a table is called. */
  name?: string;
  table?: Table;
  rows?: number[];
  children: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const name = own ?? table?.name ?? "picture",
    audit = useAudit(),
    { model, data } = audit.outline,
    caption = audit.inWords(written);
  const alone = () =>
    standalone(box.current!, `${own ?? table?.info.title ?? name}: ${model} on ${data}`, caption);
  return (
    <figure class="view">
      <div ref={box}>{children}</div>
      <figcaption>
        <details class="reading">
          <summary>how to read it</summary>
          {caption}
        </details>
      </figcaption>
      <p class="tools">
        {table && (
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "hide table" : "table"}
          </button>
        )}
        <button
          type="button"
          title="save the picture as PNG"
          onClick={() => pixels(alone()).then((png) => png && save(png, `${name}.png`))}
        >
          PNG
        </button>
        <button
          type="button"
          title="save the picture as SVG"
          onClick={() => save(alone().svg, `${name}.svg`)}
        >
          SVG
        </button>
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

/** A labelled choice among names. */
export function Pick<T extends string | number>({
  name,
  label,
  from,
  at,
  set,
  word,
}: {
  name: string;
  label?: string;
  from: readonly T[];
  at: T;
  set: (value: T) => void;
  word?: (value: T) => string;
}) {
  if (from.length < 2) return null;
  return (
    <label class="pick">
      {label ?? plain(name)}{" "}
      <select
        value={String(from.indexOf(at))}
        onChange={(e) => set(from[Number(e.currentTarget.value)])}
      >
        {from.map((value, i) => (
          <option key={i} value={String(i)}>
            {word ? word(value) : String(value)}
          </option>
        ))}
      </select>
    </label>
  );
}
