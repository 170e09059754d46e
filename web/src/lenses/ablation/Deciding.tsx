// The units that one image's decision owes most to.

import { shown, told, type Table } from "../../data";
import { to } from "../../route";
import { Cases } from "../../views/Cases";
import { useAudit } from "../../views/context";
import type { View } from "..";

const TURNS: Record<string, string> = { "-1": "without it the model is wrong", "1": "without it the model is right" };

export function Deciding({ table, example }: { table: Table; example: number }) {
  const audit = useAudit();
  const rows = table.rows({ example });
  const sites = [...new Set(rows.map((row) => table.cell(row, "site")))];
  return (
    <div class="pair">
      {sites.map((site) => (
        <div class="wide" key={site}><table class="bars">
          <caption>Site {shown(site)}: change of this image's {audit.outline.score} without a unit, the {rows.filter((row) => table.cell(row, "site") === site).length} largest; a median unit changes it by {shown(table.cell(rows.find((row) => table.cell(row, "site") === site)!, "control_effect"))}</caption>
          <thead><tr><th scope="col">unit</th><th scope="col">this image</th><th scope="col">its class [95 %]</th><th scope="col" class="name">and then</th></tr></thead>
          <tbody>{rows.filter((row) => table.cell(row, "site") === site).map((row) => (
            <tr key={row} title={told(table, row, "class_effect").join(", ")}>
              <th scope="row"><a href={to.unit(audit.siteIndex(site), table.number(row, "unit"))}>{shown(table.cell(row, "unit"))}</a></th>
              <td>{shown(table.cell(row, "effect"), true)}</td>
              <td>{shown(table.cell(row, "class_effect"), true)} [{shown(table.cell(row, "class_lo"))}, {shown(table.cell(row, "class_hi"))}]</td>
              <td class="name">{TURNS[String(table.cell(row, "turned"))] ?? ""}</td>
            </tr>
          ))}</tbody>
        </table></div>
      ))}
    </div>
  );
}

export const DecidingUnits: View = ({ table }) => <Cases table={table} of={(example) => <Deciding key={example} table={table} example={example} />} />;
