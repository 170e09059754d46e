// The units that one image's decision owes most to.

import type { Table } from "../../data";
import { to } from "../../route";
import { Cases } from "../../views/Cases";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { describe, shown } from "../../wording";
import type { View } from "..";

const TURNS: Record<string, string> = {
  "-1": "without it the model is wrong",
  "1": "without it the model is right",
};

export function Deciding({ table, example }: { table: Table; example: number }) {
  const audit = useAudit();
  const rows = table.rows({ example });
  const sites = [...new Set(rows.map((row) => table.cell(row, "site")))];
  // a column that would hold nothing isn't there
  const turns = rows.some((row) => TURNS[String(table.cell(row, "turned"))]);
  const counts = rows.map((row) => table.number(row, "class_n")).filter(Number.isFinite);
  return (
    <Frame
      caption={`Change of this image's ${audit.outline.score} when one unit is removed, the largest of each site: below 0 the image's class loses. One image has no interval; beside it the unit's mean effect on the whole class with its 95 % interval${counts.length ? ` (n = ${Math.max(...counts)} evaluation examples)` : ""}. Control: how much the site's median unit changes this image's.`}
      table={table}
      rows={rows}
    >
      <div class="pair">
        {sites.map((site) => (
          <div class="wide" key={site}>
            <table class="bars">
              <caption>
                Site {shown(site)}; control (median unit){" "}
                {shown(
                  table.cell(
                    rows.find((row) => table.cell(row, "site") === site)!,
                    "control_effect",
                  ),
                )}
              </caption>
              <thead>
                <tr>
                  <th scope="col">unit</th>
                  <th scope="col">this image</th>
                  <th scope="col">its class [95 %]</th>
                  {turns && (
                    <th scope="col" class="name">
                      and then
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {rows
                  .filter((row) => table.cell(row, "site") === site)
                  .map((row) => (
                    <tr
                      key={row}
                      title={[
                        ...describe(table, row, "effect"),
                        ...describe(table, row, "class_effect").slice(0, 3),
                      ].join(", ")}
                    >
                      <th scope="row">
                        <a href={to.unit(audit.siteIndex(site), table.number(row, "unit"))}>
                          {shown(table.cell(row, "unit"))}
                        </a>
                      </th>
                      <td>{shown(table.cell(row, "effect"), true)}</td>
                      <td>
                        {shown(table.cell(row, "class_effect"), true)} [
                        {shown(table.cell(row, "class_lo"))}, {shown(table.cell(row, "class_hi"))}]
                      </td>
                      {turns && (
                        <td class="name">{TURNS[String(table.cell(row, "turned"))] ?? ""}</td>
                      )}
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        ))}
      </div>
    </Frame>
  );
}

const DecidingUnits: View = ({ table }) => (
  <Cases
    table={table}
    of={(example) => <Deciding key={example} table={table} example={example} />}
  />
);

export default DecidingUnits;
