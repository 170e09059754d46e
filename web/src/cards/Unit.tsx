// Everything that all lenses say of one unit.

import { useContext } from "preact/hooks";
import type { Audit, Cell, Table } from "../data";
import { fill } from "../lenses/parts";
import { to } from "../route";
import { RowsContext, useAudit } from "../views/context";
import { counted, DataTable } from "../views/DataTable";
import { layer, shown } from "../wording";
import { Also } from "./Also";

const PAIRS = [
  ["site", "unit"],
  ["site_a", "unit_a"],
  ["site_b", "unit_b"],
  ["site", "unit_a"],
  ["site", "unit_b"],
  ["backup_site", "backup_unit"],
];

/** Why an address names no unit; nothing where it may name one. */
function missing(audit: Audit, site: number, unit: number): string {
  const { sites } = audit.outline,
    about = audit.table("sites"),
    name = sites[site];
  if (name === undefined)
    return `There is no site at place ${site}: this audit has 0 to ${sites.length - 1}; search for one by its name.`;
  const [row] = about?.rows({ site: name }) ?? [];
  const size = row === undefined ? Number.POSITIVE_INFINITY : about!.number(row, "units");
  return unit >= size
    ? `There is no unit ${unit} of ${name}: it has units 0 to ${size - 1}; search for one by its number.`
    : "";
}

export function UnitCard({ site, unit }: { site: number; unit: number }) {
  const audit = useAudit(),
    served = useContext(RowsContext);
  const name = audit.outline.sites[site];
  const found = [...audit.tables.values()]
    .map((table) => [table, rowsOf(table, name, unit)] as const)
    .filter(([, rows]) => rows.length);
  const sites = audit.table("sites"),
    [about] = sites?.rows({ site: name ?? null }) ?? [],
    op = about === undefined ? "" : shown(sites!.cell(about, "op"));
  const known = (other: number) =>
    [...audit.tables.values()].some((table) => rowsOf(table, name, other).length);
  const same = about === undefined ? null : sites!.cell(about, "same_units");
  const wrong = missing(audit, site, unit);
  if (wrong) return <p class="caveat">{wrong}</p>;
  if (!found.length)
    return (
      <section class="card">
        <h2>
          unit {unit} <small>of {shown(name ?? null)}</small>
        </h2>
        <p>
          No finding tells of it: lenses look at the layers L1, L2 and so on.{" "}
          {same ? (
            <>
              The same unit is looked at in{" "}
              <a href={to.unit(audit.siteIndex(same), unit)}>
                {layer(same)}·{unit}, unit {unit} of {shown(same)}
              </a>
              .
            </>
          ) : (
            "No layer has the same units."
          )}
        </p>
      </section>
    );
  const alike = (sites?.rows({ same_units: name ?? null }) ?? []).map((row) =>
    sites!.cell(row, "site"),
  );
  const at = { site: name, unit };
  return (
    <section class="card">
      <h2>
        {layer(name)}·{unit}{" "}
        <small>
          unit {unit} of {name}
          {op && !name.includes(op) && ` (${op})`}
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
      {alike.length > 0 && (
        <p class="pick">
          The same unit in the model's other places:{" "}
          {alike.map((other, i) => (
            <>
              {i > 0 && ", "}
              <a href={to.unit(audit.siteIndex(other), unit)}>{shown(other)}</a>
            </>
          ))}
          .
        </p>
      )}
      {fill((own) => own.unit?.verdict, at)}
      {fill((own) => own.unit?.pictures, at)}
      <div class="pair">{fill((own) => own.unit?.numbers, at)}</div>
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

function rowsOf(table: Table, site: Cell, unit: number): number[] {
  const rows = PAIRS.filter((pair) => table.has(...pair)).flatMap(([s, u]) =>
    table.rows({ [s]: site, [u]: unit }),
  );
  return [...new Set(rows)].sort((a, b) => a - b);
}
