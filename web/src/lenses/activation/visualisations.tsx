// Which made-up input drives a unit most?

import { part, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { usePages } from "../../views/Pages";
import { Pixels } from "../../views/Pixels";
import { describe, shown } from "../../wording";
import type { View } from "..";

const PAGE = 12;

/** A unit's feature visualisations, one from each start, and how far they drive it. */
export function Visualisation({ table, site, unit }: { table: Table; site: string; unit: number }) {
  const images = useAudit().array("activation.visualisations");
  const rows = table.rows({ site, unit });
  if (!images || !rows.length) return null;
  const first = (name: string) => shown(table.cell(rows[0], name));
  return (
    <div>
      <div class="strip">
        {rows.map((row) => (
          <div class="change" key={row}>
            <Pixels
              values={part(images, table.number(row, "picture"))}
              width={images.shape[2]}
              planes={images.shape[3]}
              size={72}
              label={[
                `feature visualisation for unit ${unit}, start ${table.cell(row, "start")}: made by gradient ascent, not data`,
                ...describe(table, row, "value"),
              ].join(", ")}
            />
            <small>{shown(Number(table.number(row, "value").toPrecision(3)))}</small>
          </div>
        ))}
      </div>
      <small class="pick">
        Made by gradient ascent, not data. Largest value on a real example: {first("natural_top")}.
        First start like the others: {first("alike")}; like other units' (control):{" "}
        {first("control_alike")}.
      </small>
    </div>
  );
}

const VisualisationWall: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = table.rows(equal);
  const [units, buttons] = usePages(
    [...new Set(rows.map((row) => table.number(row, "unit")))],
    PAGE,
  );
  if (!audit.array("activation.visualisations")) return null;
  return (
    <Frame
      caption="What drives a unit most, made by gradient ascent from random starts, with its value on each; its largest on a real example stands beside. They are made, not measured: no n and no interval. Starts that differ as units do (control) mean several maxima."
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        {buttons}
      </p>
      {units.map((unit) => (
        <div class="wallrow" key={unit}>
          <a href={to.unit(audit.siteIndex(equal.site), unit)}>unit {unit}</a>
          <Visualisation table={table} site={String(equal.site)} unit={unit} />
        </div>
      ))}
    </Frame>
  );
};

export default VisualisationWall;
