// Everything that all lenses say of one unit.

import type { ComponentChild } from "preact";
import { useCallback, useContext } from "preact/hooks";
import { type Audit, type Cell, shown, type Table } from "../data";
import { Examples } from "../lenses/activation/examples";
import { Weights } from "../lenses/activation/tuning";
import { Visualisation } from "../lenses/activation/visualisations";
import { both } from "../lenses/agreement/units";
import { to } from "../route";
import { DotsView } from "../views/Curve";
import { RowsContext, useAudit } from "../views/context";
import { counted, DataTable } from "../views/DataTable";
import { Also, clusterOf } from "./Also";
import { Measurement } from "./Measurement";

export const PAIRS = [
  ["site", "unit"],
  ["site_a", "unit_a"],
  ["site_b", "unit_b"],
  ["site", "unit_a"],
  ["site", "unit_b"],
  ["backup_site", "backup_unit"],
];

export function UnitCard({ site, unit }: { site: number; unit: number }) {
  const audit = useAudit(),
    served = useContext(RowsContext);
  const name = audit.outline.sites[site];
  const found = [...audit.tables.values()]
    .map((table) => [table, rowsOf(table, name, unit)] as const)
    .filter(([, rows]) => rows.length);
  const rowsIn = (finding: string) => found.find(([table]) => table.name === finding);
  const effects = rowsIn("ablation.units"),
    responses = rowsIn("activation.units"),
    verdict = rowsIn("agreement.units");
  const visualisations =
    audit.array("activation.visualisations") && rowsIn("activation.visualisations");
  const examples = audit.images ? rowsIn("activation.examples") : undefined;
  const sites = audit.table("sites"),
    [about] = sites?.rows({ site: name ?? null }) ?? [],
    op = about === undefined ? "" : shown(sites!.cell(about, "op"));
  const still = responses?.[0].cell(responses[1][0], "dead") === true;
  const known = (other: number) =>
    [...audit.tables.values()].some((table) => rowsOf(table, name, other).length);
  if (!found.length)
    return (
      <p>
        No finding tells of unit {unit} of site {shown(name ?? null)}. Sites that lenses don't look
        at have no unit cards.
      </p>
    );
  return (
    <section class="card">
      <h2>
        unit {unit}{" "}
        <small>
          of site {name}
          {op && ` (${op})`}
        </small>
      </h2>
      <p class="tools">
        {unit > 0 && (
          <a href={to.unit(site, unit - 1)} rel="prev">
            ← previous
          </a>
        )}{" "}
        {known(unit + 1) && (
          <a href={to.unit(site, unit + 1)} rel="next">
            next →
          </a>
        )}
        {served && <a href={to.live(`${site}:${unit}`, "mean")}>remove it in the playground</a>}
      </p>
      {verdict && <Verdict table={verdict[0]} row={verdict[1][0]} />}
      {still && (
        <p>
          It holds one value for every example of both splits: none of the images below drives it.
        </p>
      )}
      {examples && (
        <>
          <h3>What it sees</h3>
          <Examples table={examples[0]} site={name} unit={unit} />
        </>
      )}
      <div class="pair">
        {visualisations && (
          <div>
            <h3>Feature visualisations</h3>
            <Visualisation table={visualisations[0]} site={name} unit={unit} />
          </div>
        )}
        <Weights
          audit={audit}
          site={name}
          unit={unit}
          head={<h3>Its weights (blue above 0, orange below)</h3>}
        />
      </div>
      <div class="pair">
        {effects && (
          <ByClass
            head={`Change of each class's ${audit.outline.score} without it`}
            table={effects[0]}
            at={{ site: name, unit }}
            value="effect"
          />
        )}
        {responses && (
          <ByClass
            head="How well it tells each class"
            table={responses[0]}
            at={{ site: name, unit }}
            value="auroc"
          />
        )}
      </div>
      <Also site={name} unit={unit} />
      {found.map(([table, rows]) => (
        <details key={table.name}>
          <summary>
            {table.name}: {counted(table, rows.length)}
          </summary>
          <DataTable table={table} rows={rows} />
        </details>
      ))}
    </section>
  );
}

/** One number of the unit for every class. */
function ByClass({
  head,
  table,
  at,
  value,
}: {
  head: string;
  table: Table;
  at: Record<string, Cell>;
  value: string;
}) {
  const { classes } = useAudit().outline;
  const links = useCallback(
    (row: number) => {
      const index = classes.indexOf(String(table.cell(row, "class")));
      return index < 0 ? "#/" : to.class(index);
    },
    [table],
  );
  return (
    <div>
      <h3>{head}</h3>
      <DotsView
        table={table}
        choice={{ kind: "dots", filters: [], rows: "class", across: "", values: [value] }}
        fixed={at}
        links={links}
      />
    </div>
  );
}

function rowsOf(table: Table, site: Cell, unit: number): number[] {
  const rows = PAIRS.filter((pair) => table.has(...pair)).flatMap(([s, u]) =>
    table.rows({ [s]: site, [u]: unit }),
  );
  return [...new Set(rows)].sort((a, b) => a - b);
}

/** Why no other unit of its cluster can be asked. */
const without = (audit: Audit, site: string, unit: number) => {
  const words = clusterOf(audit, site, unit);
  return /^\d/.test(words) ? "it is alone in its cluster" : words || "not in this audit";
};

/** What each lens says of the unit, with intervals, controls and the bounds that the verdict rests on; each line with the columns that it needs. */
function Verdict({ table, row }: { table: Table; row: number }) {
  const audit = useAudit();
  const cell = (name: string) => table.cell(row, name),
    at = { site: cell("site"), unit: cell("unit") };
  const found = (finding: string, value: string, more: Record<string, Cell>) => {
    const own = audit.table(finding),
      [first] = own?.rows({ ...at, ...more }) ?? [];
    if (first === undefined && own?.cut)
      return `left out of this page, which holds the rows ${own.info.kept}`;
    return first === undefined || !own!.has(value) ? (
      "not in this audit"
    ) : (
      <Measurement table={own!} row={first} value={value} />
    );
  };
  const preferred = cell("preferred_class"),
    favourite = shown(preferred);
  // the class whose decision the unit carries most of, on these examples
  const patched = audit.table("tracing.patching"),
    share = (row: number) => Math.abs(patched!.number(row, "recovery"));
  const carried =
    patched
      ?.rows({ ...at, corrupt: "all", direction: "noise" })
      .filter(
        (row) => patched.cell(row, "clean") !== "all" && patched.cell(row, "recovery") !== null,
      )
      .sort((a, b) => share(b) - share(a)) ?? [];
  const lines: [string, ComponentChild, ...string[]][] = [
    [
      "prefers",
      `class ${favourite}: its mean is largest there on the selection split`,
      "preferred_class",
    ],
    [
      "activation",
      <>
        {found("activation.units", "auroc", { class: preferred })}; selective{" "}
        {cell("selective_by") === "d′" ? (
          <>
            by d′: {shown(cell("d_prime"))} against {shown(cell("d_prime_bound"))}, as randomly
            initialised units reach an AUROC of {shown(cell("selective_bound"))} too
          </>
        ) : (
          <>above {shown(cell("selective_bound"))}</>
        )}
        , which 95 % of the site's units stay below in randomly initialised controls and with
        shuffled labels
      </>,
      "preferred_class",
      "selective_bound",
    ],
    [
      "ablation",
      <>
        class {favourite} without it: {found("ablation.units", "effect", { class: preferred })}
      </>,
      "preferred_class",
    ],
    [
      "tracing",
      <>
        {carried.length ? (
          <>
            class {shown(patched!.cell(carried[0], "clean"))} with another class's value, the
            largest of {carried.length} classes{patched!.cut && " on this page"}:{" "}
            <Measurement table={patched!} row={carried[0]} value="recovery" />
          </>
        ) : patched?.cut ? (
          "left out of this page"
        ) : (
          "not in this audit"
        )}
        ; causal beyond ±{shown(cell("causal_bound"))} at q &lt; 0.05, or where an accuracy changes
      </>,
      "causal_bound",
    ],
    [
      "cause",
      <>
        class {shown(cell("cause_class"))}:{" "}
        <Measurement table={table} row={row} value="causal_share" />
        {"; accuracy: "}
        <Measurement table={table} row={row} value="accuracy_drop" />
      </>,
      "cause_class",
      "causal_share",
      "accuracy_drop",
    ],
    [
      "attribution",
      `first-order estimate of that change of class ${favourite}: ${shown(-table.number(row, "attribution"), true)} ${table.about("attribution").unit}`,
      "preferred_class",
      "attribution",
    ],
    [
      "mechanism",
      cell("mechanism") === null
        ? `no number: ${without(audit, shown(cell("site")), table.number(row, "unit"))}`
        : `mean AUROC for class ${favourite} of the other units of its cluster: ${shown(cell("mechanism"))}`,
      "preferred_class",
      "mechanism",
    ],
  ];
  return (
    <dl class="lines">
      <div>
        <dt>verdict</dt>
        <dd>{both(table, row)}</dd>
      </div>
      {cell("verdict") !== "dead" &&
        lines
          .filter(([, , ...needed]) => table.has(...needed))
          .map(([name, words]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{words}</dd>
            </div>
          ))}
    </dl>
  );
}
