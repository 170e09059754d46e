// Sets of units that work together: clusters, and the circuits of classes.

import { type Audit, ranked } from "../../data";
import type { Unit } from "../../live/server";
import { letter, shown } from "../../wording";
import type { NamedSet } from "../parts";

const EDGES = 10;

/** Clusters of every site that has more than one. */
export function clusters(audit: Audit): NamedSet[] {
  const table = audit.table("mechanism.clusters");
  if (!table) return [];
  const sets = new Map<string, Unit[]>();
  for (let row = 0; row < table.length; row++) {
    const [site, cluster] = [table.cell(row, "site"), table.cell(row, "cluster")];
    if (cluster === null || table.number(row, "k") < 2) continue;
    const name = `cluster ${letter(Number(cluster))} of ${shown(site)}`;
    sets.set(name, [...(sets.get(name) ?? []), [String(site), table.number(row, "unit")]]);
  }
  return [...sets]
    .map(([name, units]) => ({
      name: `${name} (${units.length} ${units.length === 1 ? "unit" : "units"})`,
      units,
    }))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** For each class, the units at both ends of its strongest edges. */
export function circuits(audit: Audit): NamedSet[] {
  const table = audit.table("mechanism.edges");
  if (!table) return [];
  return table.distinct("class").flatMap((label) => {
    const rows = ranked(table, label).slice(0, EDGES);
    const units = new Map<string, Unit>();
    for (const row of rows) {
      for (const end of ["a", "b"]) {
        const unit: Unit = [
          String(table.cell(row, `site_${end}`)),
          table.number(row, `unit_${end}`),
        ];
        units.set(unit.join("\u0000"), unit);
      }
    }
    return units.size
      ? [
          {
            name: `class ${shown(label)}: ${rows.length} strongest edges (${units.size} units)`,
            units: [...units.values()],
          },
        ]
      : [];
  });
}
