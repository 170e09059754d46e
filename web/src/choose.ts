// Which picture does a table ask for, by the names and units of its columns?

import type { Cell, Table } from "./data";

export interface Choice {
  kind: "heat" | "curve" | "dots";
  /** Columns whose values the reader picks first: they name one picture of several. */
  filters: string[];
  rows: string;
  across: string;
  values: string[];
}

const ALONG = ["k", "depth", "dose"];
const NOT_KEYS =
  /^(n|lost|gained|verdict|orders|excluded|features|[a-z]+_n|[a-z]+_controls|n_geometry|better|preferred_class|second_class|causal_class|told_class|selective_by|interval_over|layout|op|label|example|truncated|class_n|concept)$/;
const NOT_VALUES =
  /(^|_)(lo|hi|p|q|se)$|control|random|matched|shuffled|chance|quartile|threshold|familywise/;

/** Key columns stand before the first number that was measured. */
export function keys(table: Table): string[] {
  const first = table.told.columns.findIndex((c) => c.kind === "float64");
  const head = table.told.columns.slice(0, first < 0 ? undefined : first);
  const named = head.filter((c) => c.kind !== "bool" && !c.unit && !NOT_KEYS.test(c.name));
  const along = table.told.columns.filter((c) => ALONG.includes(c.name));
  return [...new Set([...named, ...along].map((c) => c.name))].filter(
    (name) => table.distinct(name).length > 1,
  );
}

export function values(table: Table): string[] {
  return table.told.columns
    .filter((c) => c.kind === "float64" && !c.of && !NOT_VALUES.test(c.name))
    .map((c) => c.name);
}

export function choose(table: Table): Choice | null {
  const numbers = values(table);
  const own = keys(table);
  if (!numbers.length || !own.length || table.length < 2) return null;
  const along = own.find((name) => ALONG.includes(name));
  if (along && along !== own[0]) {
    const rest = own.filter((name) => name !== along);
    const single = unique(table, own);
    if (single) return { kind: "curve", filters: rest, rows: "", across: along, values: numbers };
  }
  if (own.length >= 2 && unique(table, own)) {
    // Many units lie side by side; few classes lie one below the other.
    const pair = pairOf(own);
    const filters = own.filter((name) => !pair.includes(name));
    if (filled(table, filters, pair) < 0.3) return null;
    const [across, rows] =
      table.distinct(pair[0]).length >= table.distinct(pair[1]).length ? pair : [pair[1], pair[0]];
    return { kind: "heat", filters, rows, across, values: numbers };
  }
  return own.length === 1 && unique(table, own)
    ? { kind: "dots", filters: [], rows: own[0], across: "", values: numbers }
    : null;
}

function pairOf(own: string[]): [string, string] {
  const has = (a: string, b: string) => own.includes(a) && own.includes(b);
  for (const [a, b] of [
    ["unit", "class"],
    ["unit_a", "unit_b"],
    ["removed_for", "class"],
    ["lens_a", "lens_b"],
    ["replacement_a", "replacement_b"],
    ["method", "metric"],
  ]) {
    if (has(a, b)) return [a, b];
  }
  return [own[own.length - 2], own[own.length - 1]];
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
