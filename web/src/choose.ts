// Chooses the picture that suits a table, by what was declared of it and of its columns.

import type { Cell, Table } from "./data";

export interface Choice {
  kind: "heat" | "curve" | "dots";
  /** Columns whose values the reader picks first: they name one picture of several. */
  filters: string[];
  rows: string;
  across: string;
  values: string[];
}

/** Columns that name a row, if they hold more than one thing. */
export function keys(table: Table): string[] {
  return table.info.columns
    .filter((c) => c.role === "key" || c.role === "along")
    .map((c) => c.name)
    .filter((name) => table.distinct(name).length > 1);
}

/** Its numbers, first the one that matters most. */
export const values = (table: Table): string[] =>
  table.info.columns
    .filter((c) => c.role === "value" && c.kind !== "string")
    .map((c) => c.name)
    .sort((a, b) => +(b === table.info.size) - +(a === table.info.size));

export function choose(table: Table): Choice | null {
  // its pictures stand in the page already, or its rows are a list
  if (["still", "table"].includes(table.info.view ?? "")) return null;
  const numbers = values(table);
  const own = keys(table);
  if (!numbers.length || !own.length || table.length < 2 || !unique(table, own)) return null;
  const wanted = (kind: Choice["kind"]) => [kind, "", undefined].includes(table.info.view);
  const along = own.find((name) => table.about(name).role === "along");
  if (along && own.length > 1 && wanted("curve")) {
    const filters = own.filter((name) => name !== along);
    return { kind: "curve", filters, rows: "", across: along, values: numbers };
  }
  if (own.length >= 2 && wanted("heat")) {
    // Many units lie side by side; few classes lie one below the other.
    const pair = pairOf(table, own);
    const filters = own.filter((name) => !pair.includes(name));
    if (filled(table, filters, pair) < 0.3) return null;
    const [more, fewer] =
      table.distinct(pair[0]).length >= table.distinct(pair[1]).length ? pair : [pair[1], pair[0]];
    // sentences are read below one another
    const [across, rows] = table.distinct(more).some(wordy) ? [fewer, more] : [more, fewer];
    return { kind: "heat", filters, rows, across, values: numbers };
  }
  const rows = own[own.length - 1];
  return own.length === 1 || table.info.view === "dots"
    ? { kind: "dots", filters: own.slice(0, -1), rows, across: "", values: numbers }
    : null;
}

const wordy = (name: Cell) => typeof name === "string" && name.length > 30;

/** The two keys that a map lies between: those that were declared, or the last two. */
function pairOf(table: Table, own: string[]): [string, string] {
  const [a, b] = (table.info.across ?? "").split(" ");
  return a !== b && own.includes(a) && own.includes(b)
    ? [a, b]
    : [own[own.length - 2], own[own.length - 1]];
}

/** Share of a map's cells that have a row: pairs that are only the strongest ones make no map. */
function filled(table: Table, filters: string[], pair: string[]): number {
  const groups = new Map<string, [Set<Cell>, Set<Cell>]>();
  for (let row = 0; row < table.length; row++) {
    const at = filters.map((name) => String(table.cell(row, name))).join("\u0000");
    const sides = groups.get(at) ?? [new Set(), new Set()];
    groups.set(at, sides);
    for (const i of [0, 1]) sides[i].add(table.cell(row, pair[i]));
  }
  return table.length / [...groups.values()].reduce((sum, [a, b]) => sum + a.size * b.size, 0);
}

function unique(table: Table, own: string[]): boolean {
  const seen = new Set<string>();
  const columns = own.map((name) => table.column(name));
  for (let row = 0; row < table.length; row++)
    seen.add(columns.map((c) => String(c[row])).join("\u0000"));
  return seen.size >= 0.98 * table.length;
}

/** Numbers by size, names as they come. */
export function ordered(cells: Cell[]): Cell[] {
  return cells.every((c) => typeof c === "number")
    ? [...(cells as number[])].sort((a, b) => a - b)
    : cells;
}

/** Columns side by side whose largest number is in the same row, the larger first; those of nothing last. */
export function byLargest(
  columns: Cell[],
  rows: Cell[],
  cells: { column: Cell; row: Cell; size: number }[],
): Cell[] {
  const place = new Map(rows.map((row, i) => [row, i]));
  const most = new Map<Cell, [row: number, size: number]>();
  for (const { column, row, size } of cells)
    if (size > (most.get(column)?.[1] ?? 0)) most.set(column, [place.get(row) ?? 0, size]);
  const of = (column: Cell) => most.get(column) ?? [rows.length, 0];
  return [...columns].sort((a, b) => of(a)[0] - of(b)[0] || of(b)[1] - of(a)[1]);
}
