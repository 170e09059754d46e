// What more is known of a unit, a line each: labels that fit it, and the units that it works with.

import type { ComponentChild } from "preact";
import { type Audit, describe, shown, type Table } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Measurement } from "./Measurement";

const MOST = 3,
  SURE = 0.05;

/** Rows of a finding that tell of the unit, the first ones in front; where they are of pairs, it stands at one of their ends. */
interface Line {
  term: string;
  finding: string;
  value: string;
  ends?: [own: string, other: string][];
  first: string;
  most?: number;
  keep?: (table: Table, row: number) => boolean;
  head?: (table: Table, row: number) => string;
}

const chosen = (table: Table, row: number) =>
  table.cell(row, "kind") !== "random" && table.cell(row, "class") === "all";
const sure = (table: Table, row: number) => chosen(table, row) && table.number(row, "q") < SURE;
const stepsIn = (table: Table, row: number) =>
  table.cell(row, "backup") === true && table.cell(row, "kind") !== "random";

const LINES: Line[] = [
  {
    term: "label",
    finding: "activation.concepts",
    value: "f1",
    first: "f1",
    most: 1,
    head: (table, row) => shown(table.cell(row, "concept")),
  },
  {
    term: "tuned to",
    finding: "activation.tuning",
    value: "tuning",
    first: "tuning",
    keep: (table, row) => table.number(row, "q") < SURE,
    head: (table, row) =>
      `${table.cell(row, "stimulus")}s of ${shown(table.cell(row, "orientation"))}° [${shown(table.cell(row, "lo"))}, ${shown(table.cell(row, "hi"))}]`,
  },
  {
    term: "Shapley",
    finding: "ablation.shapley",
    value: "shapley",
    first: "shapley",
    most: 1,
    head: (table, row) => `class ${shown(table.cell(row, "class"))}`,
  },
  {
    term: "moves",
    finding: "mechanism.edges",
    value: "effect",
    ends: [["a", "b"]],
    first: "size",
    keep: chosen,
  },
  {
    term: "moved by",
    finding: "mechanism.edges",
    value: "effect",
    ends: [["b", "a"]],
    first: "size",
    keep: chosen,
  },
  {
    term: "varies with",
    finding: "mechanism.pairs",
    value: "r",
    ends: [
      ["a", "b"],
      ["b", "a"],
    ],
    first: "r_selection",
  },
  {
    term: "interacts with",
    finding: "ablation.interactions",
    value: "interaction",
    ends: [
      ["a", "b"],
      ["b", "a"],
    ],
    first: "interaction",
    keep: sure,
    head: (table, row) => shown(table.cell(row, "verdict")),
  },
  {
    term: "backed up by",
    finding: "ablation.backup",
    value: "growth",
    ends: [["", "backup"]],
    first: "growth",
    keep: stepsIn,
  },
  {
    term: "steps in for",
    finding: "ablation.backup",
    value: "growth",
    ends: [["backup", ""]],
    first: "growth",
    keep: stepsIn,
  },
];

/** Columns of the site and the unit at an end: `site_a`, `backup_site`, `site`. */
const columns = (table: Table, end: string): [string, string] =>
  end === "backup"
    ? ["backup_site", "backup_unit"]
    : end === ""
      ? ["site", "unit"]
      : [table.has(`site_${end}`) ? `site_${end}` : "site", `unit_${end}`];

interface Found {
  row: number;
  other?: string;
}

function rowsOf(
  table: Table,
  { ends, first, keep, value }: Line,
  site: string,
  unit: number,
): Found[] {
  const size = ({ row }: Found) => Math.abs(table.number(row, table.has(first) ? first : value));
  const rows = (ends ?? [["", undefined]]).flatMap(([own, other]) => {
    const [s, u] = columns(table, own!);
    return table.rows({ [s]: site, [u]: unit }).map((row) => ({ row, other }));
  });
  return rows
    .filter(({ row }) => table.cell(row, value) !== null && (keep?.(table, row) ?? true))
    .sort((a, b) => size(b) - size(a));
}

/** The unit at the other end of a row, as a link to its card. */
function Other({
  audit,
  table,
  row,
  end,
}: {
  audit: Audit;
  table: Table;
  row: number;
  end: string;
}) {
  const [s, u] = columns(table, end);
  return (
    <a href={to.unit(audit.siteIndex(table.cell(row, s)), table.number(row, u))}>
      unit {shown(table.cell(row, u))} of {shown(table.cell(row, s))}
    </a>
  );
}

export function Also({ site, unit }: { site: string; unit: number }) {
  const audit = useAudit();
  const lines = LINES.flatMap((line): [string, ComponentChild][] => {
    const table = audit.table(line.finding);
    if (!table?.has(line.value)) return [];
    const rows = rowsOf(table, line, site, unit),
      most = line.most ?? MOST;
    return rows.slice(0, most).map(({ row, other }) => {
      const head = line.head?.(table, row);
      return [
        line.term,
        <>
          {other !== undefined && <Other audit={audit} table={table} row={row} end={other} />}
          {head && `${other === undefined ? "" : ", "}${head}`}:{" "}
          <Measurement table={table} row={row} value={line.value} />
        </>,
      ];
    });
  });
  const cluster = clusterOf(audit, site, unit);
  if (cluster) lines.unshift(["cluster", cluster]);
  if (!lines.length) return null;
  return (
    <>
      <h3>What more is known of it, and of the units that it works with</h3>
      <dl class="lines">
        {lines.map(([term, words], i) => (
          <div key={i}>
            <dt>{term === lines[i - 1]?.[0] ? "" : term}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p class="pick">
        At most {MOST} of a kind: of edges and of units that vary with it the largest on the
        selection split, of the others on the examples measured. The tables below hold all
        {[...audit.tables.values()].some((table) => table.cut) && " that this page has"}.
      </p>
    </>
  );
}

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
  return `${cell("cluster")} of ${cell("k")}, which prefers class ${cell("preferred_class")}: ${describe(table!, row, "specialisation").join(", ")}; stability (adjusted Rand index) ${cell("stability")}`;
}
