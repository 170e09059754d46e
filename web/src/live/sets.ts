// The sets of units that a class needs most.

import { type Cell, few, ranked, type Table } from "../data";
import type { NamedSet } from "../lenses/parts";
import { shown } from "../wording";
import type { Unit } from "./server";

/** For each site, the units without which the class loses most. */
export function needed(units: Table, label: Cell): NamedSet[] {
  const rows = ranked(units, label);
  return units.distinct("site").flatMap((site) => {
    const every = rows.filter((row) => units.cell(row, "site") === site);
    const own = every.slice(0, few(every.length));
    return own.length
      ? [
          {
            name: `the ${own.length} of ${shown(site)} that it needs most`,
            units: own.map((row): Unit => [String(site), units.number(row, "unit")]),
          },
        ]
      : [];
  });
}
