// One class's map of evidence: by how much its score changes without, or with, the ink of each window.

import { limitOf } from "../../colour";
import { type Cell, type Table, typicalOf } from "../../data";
import { useAudit } from "../../views/context";
import { Overlay } from "../../views/Overlay";
import { Pixels } from "../../views/Pixels";
import { shown } from "../../wording";

/** What a map shows, in words. */
export const WORDS: Record<string, string> = {
  erase: "erase here",
  add: "add ink here",
  control: "erase, randomly initialised",
};

interface Grid {
  values: Float32Array;
  width: number;
}

/** Values of a class's windows, row by row, as they lie on the input. */
function gridOf(table: Table, label: Cell, kind: string, value: string): Grid | null {
  const rows = table.rows({ class: label, kind });
  if (!rows.length) return null;
  const places = (name: string) =>
    [...new Set(rows.map((row) => table.number(row, name)))].sort((a, b) => a - b);
  const [down, across] = [places("top"), places("left")];
  const values = new Float32Array(down.length * across.length).fill(NaN);
  for (const row of rows) {
    const at = [down.indexOf(table.number(row, "top")), across.indexOf(table.number(row, "left"))];
    values[at[0] * across.length + at[1]] = table.number(row, value);
  }
  return { values, width: across.length };
}

/** The maps that a table has of its classes: what was erased or added, and the control. */
export const kindsOf = (table: Table): string[] => [
  ...table.distinct("kind").map(String),
  "control",
];

export function EvidenceMap({
  table,
  label,
  kind,
  size = 72,
}: {
  table: Table;
  label: Cell;
  kind: string;
  size?: number;
}) {
  const audit = useAudit();
  const control = kind === "control";
  const grid = gridOf(table, label, control ? "erase" : kind, control ? "control" : "effect");
  if (!grid) return null;
  const limit = limitOf(grid.values),
    unit = table.about("effect").unit;
  const place = typicalOf(audit, audit.outline.classes.indexOf(String(label)));
  const Laid = audit.images?.sheet && place >= 0 ? Overlay : Pixels;
  return (
    <Laid
      {...grid}
      place={place}
      limit={limit}
      size={size}
      label={`class ${shown(label)}, ${WORDS[kind] ?? kind}: orange where it costs the class, full colour at ${shown(limit)} ${unit}`}
    />
  );
}
