// What more is known of a unit, a line each: labels that fit it, and the units that it works with.

import type { ComponentChild } from "preact";
import type { Audit, Table } from "../data";
import { parts, type Relation } from "../lenses/parts";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Measurement } from "../views/Measurement";
import { shown } from "../wording";

const MOST = 3;

/** Rows of a finding that tell of the unit, the first ones in front; where they are of pairs, it stands at one of their ends. */

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
  { ends, first, keep, value }: Relation,
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

const relations = parts.flatMap((own) => own.relations ?? []);

export function Also({ site, unit }: { site: string; unit: number }) {
  const audit = useAudit();
  const lines = relations.flatMap((line): [string, ComponentChild][] => {
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
  lines.unshift(...parts.flatMap((own) => own.unitLines?.(audit, site, unit) ?? []));
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
