// Inputs that gradient ascent made for a unit: shown as made up, beside what the unit does on real ones.

import type { View } from "..";
import { shown, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { Pixels } from "../../views/Pixels";

export const Synthetic: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = table.rows(equal);
  if (!audit.array("activation.synthetic")) return null;
  return (
    <Frame caption="Synthetic inputs, made by gradient ascent from random starts and seen by nobody in training: what drives a unit, not what it means. Beside each: the unit's value on it and its largest value on a real example; how alike the starts ended, and how alike other units' inputs are (control)." table={table} rows={rows}>
      <p class="picks">{picks}</p>
      {[...new Set(rows.map((row) => table.number(row, "unit")))].map((unit) => (
        <div class="wallrow" key={unit}>
          <span><a href={to.unit(audit.siteIndex(equal.site), unit)}>unit {unit}</a></span>
          <Starts table={table} site={String(equal.site)} unit={unit} />
        </div>
      ))}
    </Frame>
  );
};

/** The synthetic inputs of one unit, one for each start. */
export function Starts({ table, site, unit }: { table: Table; site: string; unit: number }) {
  const pictures = useAudit().array("activation.synthetic");
  const rows = table.rows({ site, unit });
  if (!pictures || !rows.length) return null;
  const [count, height, width, planes = 1] = pictures.shape;
  const size = pictures.values.length / count;
  return (
    <div class="examples">
      {rows.map((row) => {
        const at = table.number(row, "picture") * size;
        return (
          <figure class="map" key={row}>
            <Pixels values={pictures.values.subarray(at, at + size)} width={width} planes={planes} size={84} label={`synthetic input of unit ${unit}, ${height} by ${width}, start ${table.cell(row, "start")}`} />
            <figcaption>{shown(table.cell(row, "value"))} (real {shown(table.cell(row, "natural_top"))})</figcaption>
          </figure>
        );
      })}
      <small>starts alike {shown(table.cell(rows[0], "alike"))},<br />other units {shown(table.cell(rows[0], "control_alike"))}</small>
    </div>
  );
}
