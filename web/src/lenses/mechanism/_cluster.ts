// A unit's cluster.

import type { Audit } from "../../data";
import { describe, letter, shown } from "../../wording";

/** The unit's cluster in words, or why it is in none. */
export function clusterOf(audit: Audit, site: string, unit: number): string {
  const table = audit.table("mechanism.clusters"),
    [row] = table?.rows({ site, unit }) ?? [];
  if (row === undefined) return "";
  const cell = (name: string) => shown(table!.cell(row, name));
  if (table!.cell(row, "cluster") === null)
    return table!.number(row, "k") > 1
      ? "in none: it doesn't vary"
      : "the site has no stable clusters";
  return `${letter(table!.number(row, "cluster"))} of ${cell("k")}, which prefers class ${cell("preferred_class")}: ${describe(table!, row, "specialisation").join(", ")}; stability (adjusted Rand index) ${cell("stability")}`;
}
