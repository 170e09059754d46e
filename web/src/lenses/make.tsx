// Views that are a choice of columns and nothing more.

import type { Choice } from "../choose";
import type { Cell, Table } from "../data";
import { Curve, DotsView } from "../views/Curve";
import { Heat } from "../views/Heat";
import type { View } from ".";

export interface Asked {
  filters: string[];
  rows?: string;
  across?: string;
  values: string[];
  start?: Record<string, Cell>;
}

const present = (table: Table, kind: Choice["kind"], asked: Asked): Choice => ({
  kind,
  rows: asked.rows ?? "",
  across: asked.across ?? "",
  filters: asked.filters.filter((name) => table.has(name)),
  values: asked.values.filter((name) => table.has(name)),
});

export const heat =
  (asked: Asked): View =>
  ({ table }) => <Heat table={table} choice={present(table, "heat", asked)} start={asked.start} />;
export const curve =
  (asked: Asked): View =>
  ({ table }) => (
    <Curve table={table} choice={present(table, "curve", asked)} start={asked.start} />
  );
export const dots =
  (asked: Asked): View =>
  ({ table }) => <DotsView table={table} choice={present(table, "dots", asked)} />;
