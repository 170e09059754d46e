// Units by their labels: a search for the words of one finds those that it fits best.

import type { Audit } from "../../data";
import { to } from "../../route";
import { layer, shown } from "../../wording";
import type { Hit } from "../parts";

const MOST = 4;

export function hits(audit: Audit, asked: string): Hit[] {
  const table = audit.table("activation.concepts");
  if (!table || !/\p{L}/u.test(asked)) return [];
  const rows = Array.from({ length: table.length }, (_, row) => row)
    .filter((row) => {
      const label = table.cell(row, "concept");
      return label !== null && String(label).toLowerCase().includes(asked);
    })
    .sort((a, b) => (table.number(b, "f1") || 0) - (table.number(a, "f1") || 0));
  return rows.slice(0, MOST).map((row) => {
    const [site, unit] = [table.cell(row, "site"), table.number(row, "unit")];
    return {
      words: `${layer(site)}·${unit}, labelled ${shown(table.cell(row, "concept"))}`,
      hash: to.unit(audit.siteIndex(site), unit),
    };
  });
}
