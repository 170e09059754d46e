// Which units of a site vary together: all pairs, those of a cluster side by side.

import { useMemo, useState } from "preact/hooks";
import type { Table } from "../../data";
import { go, to } from "../../route";
import { useAudit } from "../../views/context";
import { DataTable } from "../../views/DataTable";
import { Frame, Pick } from "../../views/Frame";
import { Grid } from "../../views/Grid";
import { square } from "../../views/matrix";
import { describe, fixed, shown } from "../../wording";
import type { View } from "..";

const KINDS = { raw: "correlation", "within classes": "correlation_within" } as const;
type Kind = keyof typeof KINDS;

const Correlations: View = ({ table }) => {
  const audit = useAudit();
  const clusters = audit.table("mechanism.clusters");
  const sites = clusters?.distinct("site").map(String) ?? [];
  const drawn = sites.filter((_, n) => audit.array(`mechanism.correlation.${n}`));
  const [site, setSite] = useState(drawn[0]);
  const [kind, setKind] = useState<Kind>("raw");
  const cells = useMemo(() => {
    const matrix = audit.array(`mechanism.${KINDS[kind]}.${sites.indexOf(site)}`);
    if (!matrix || !clusters) return null;
    const rows = clusters
      .rows({ site })
      .filter((row) => clusters.cell(row, "order") !== null)
      .sort((a, b) => clusters.number(a, "order") - clusters.number(b, "order"));
    if (!rows.length) return null;
    const cluster = rows.map((row) => clusters.cell(row, "cluster"));
    const [count] = matrix.shape,
      value = (a: number, b: number) => matrix.values[a * count + b];
    const lines = (a: number, b: number) => {
      const [found] = [...pairs(table, site, a, b)];
      const other = audit.array(
        `mechanism.${KINDS[kind === "raw" ? "within classes" : "raw"]}.${sites.indexOf(site)}`,
      )?.values[a * count + b];
      const name = kind === "raw" ? "r" : "r_within";
      const head = [
        `units ${a} and ${b}`,
        ...(found === undefined
          ? [
              `r about ${fixed(value(a, b), 2)} (${kind}; not in the table)`,
              ...alike(table, site, name),
            ]
          : describe(table, found, name)),
      ];
      return other === undefined
        ? head
        : [...head, `${kind === "raw" ? "within classes" : "raw"} about ${fixed(other, 2)}`];
    };
    const cuts = cluster.flatMap((c, i) => (i && c !== cluster[i - 1] ? [i] : []));
    return {
      cuts: cuts.length,
      ...square(
        {
          order: rows.map((row) => clusters.number(row, "unit")),
          value,
          limit: 1,
          lines,
          cuts,
          title: `units of ${site}`,
          open: (unit) => go(to.unit(audit.siteIndex(site), unit)),
        },
        Math.min(640, document.querySelector("main")!.clientWidth - 40),
      ),
    };
  }, [site, kind]);
  if (!cells) return <DataTable table={table} />;
  return (
    <Frame
      caption={`Correlation of every two units of ${shown(site)} over evaluation examples: blue together, orange against each other, full colour at ±1. Alike units stand side by side, ${cells.cuts ? "lines lie between clusters" : "the site has no clusters, so no lines"}; units that don't vary are left out. Within classes, class means are taken out first: what is left isn't the class. How many pairs a randomly initialised control and shuffled values have stands above.`}
      table={table}
    >
      <p class="picks">
        <Pick name="site" from={drawn} at={site} set={setSite} />
        <Pick name="correlation" from={Object.keys(KINDS) as Kind[]} at={kind} set={setKind} />
      </p>
      <Grid
        cells={cells}
        label={`${table.info.title}: correlations of the units of ${shown(site)}.`}
      />
    </Frame>
  );
};

/** What is the same for all pairs of a site: n and the control. */
function alike(table: Table, site: string, name: string): string[] {
  const [first] = table.rows({ site_a: site, site_b: site });
  return first === undefined
    ? []
    : describe(table, first, name).filter((line) => /^(n|control) /.test(line));
}

function* pairs(table: Table, site: string, a: number, b: number): Generator<number> {
  yield* table.rows({ site_a: site, unit_a: a, site_b: site, unit_b: b });
  yield* table.rows({ site_a: site, unit_a: b, site_b: site, unit_b: a });
}

export default Correlations;
