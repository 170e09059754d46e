// What channels of convolutions hold over one image, those first that its class needs most.

import { useMemo, useState } from "preact/hooks";
import { limitOf } from "../../colour";
import { part, type Table } from "../../data";
import { to } from "../../route";
import { Cases } from "../../views/Cases";
import { useAudit } from "../../views/context";
import { DataTable } from "../../views/DataTable";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { Overlay } from "../../views/Overlay";
import { describe, shown } from "../../wording";
import type { View } from "..";

export function Channels({ table, example }: { table: Table; example: number }) {
  const audit = useAudit();
  const [{ site }, picks] = useFilters(table, ["site"]);
  const [signed, setSigned] = useState(false);
  const rows = table.rows({ site, example });
  const maps = audit.array(`activation.maps.${table.distinct("site").indexOf(site)}`);
  const own = useMemo(() => {
    const place = table.distinct("example").indexOf(example);
    return rows.map((row, k) => {
      const values = maps ? Float32Array.from(part(maps, place, k)) : new Float32Array();
      const usual = table.number(row, "control") / (table.number(row, "spread") || 1);
      return { row, values: signed ? values.map((v) => v - usual) : values };
    });
  }, [site, example, signed]);
  if (!maps) return <DataTable table={table} rows={rows} />;
  return (
    <Frame
      caption={`What channels of ${shown(site)} hold over the image, those in front that its class needs most (estimated on the selection split). ${signed ? "Blue: more than the channel's mean over the evaluation examples (control); orange: less" : "Blue: above 0; orange: below"}. Full colour at three standard deviations of the channel, or the largest value where all are smaller. One image has no interval.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        <label class="pick">
          <input type="checkbox" checked={signed} onChange={() => setSigned(!signed)} /> beyond the
          channel's mean
        </label>
      </p>
      <div class="strip">
        {[...own]
          .sort((a, b) => table.number(a.row, "rank") - table.number(b.row, "rank"))
          .map(({ row, values }) => {
            const unit = table.number(row, "unit");
            return (
              <a class="change" key={row} href={to.unit(audit.siteIndex(site), unit)}>
                <Overlay
                  place={audit.images?.examples.indexOf(example) ?? -1}
                  values={values}
                  width={maps.shape[3]}
                  limit={Math.min(3, limitOf(values))}
                  size={88}
                  label={`channel ${unit}, ${describe(table, row, "mean").join(", ")}`}
                />
                <small>
                  {unit}
                  {table.number(row, "rank") === 1 && ", needed most"}
                </small>
              </a>
            );
          })}
      </div>
    </Frame>
  );
}

const Maps: View = ({ table }) => (
  <Cases
    table={table}
    of={(example) => <Channels key={example} table={table} example={example} />}
  />
);

export default Maps;
