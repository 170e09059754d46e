// How specific units are from site to site.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { Table } from "../../data";
import { Chart, tip } from "../../views/Chart";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { describe, plain, shown } from "../../wording";
import type { View } from "..";

const TICKS = 12;

const cut = (name: string, most: number) =>
  name.length > most ? `${name.slice(0, most - 1)}…` : name;

const Depth: View = ({ table }) => {
  const [equal, picks] = useFilters(table, ["measure"]);
  const rows = useMemo(
    () => table.rows(equal).filter((row) => table.cell(row, "site") !== "all"),
    [table, equal.measure],
  );
  const [trend] = table.rows({ ...equal, site: "all" });
  const make = useCallback(() => overSites(table, rows, String(equal.measure)), [table, rows]);
  return (
    <Frame
      caption="The median unit of each site: dots with their 95 % intervals; blue band: the middle half of the units; grey: randomly initialised controls, the median (dashed) and 95 % of them."
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      <Chart label={`${table.info.title}: ${equal.measure} over the sites`} make={make} />
      {trend !== undefined && table.cell(trend, "value") !== null && (
        <p class="pick">
          Rank correlation with depth over all units:{" "}
          {[shown(table.cell(trend, "value")), ...describe(table, trend, "value").slice(1)].join(
            ", ",
          )}
          .
        </p>
      )}
    </Frame>
  );
};

function overSites(table: Table, rows: number[], measure: string): Plot.PlotOptions {
  const x = (row: number) => shown(table.cell(row, "site")),
    of = (name: string) => (row: number) => table.number(row, name);
  const names = rows.map(x),
    every = Math.ceil(names.length / TICKS);
  return {
    height: 300,
    marginLeft: 48,
    marginBottom: 42 + 4 * Math.min(11, Math.max(...names.map((name) => name.length))),
    marginRight: 40,
    x: {
      type: "point",
      domain: names,
      label: "site, in the order of the model",
      tickRotate: -35,
      tickFormat: (name: string) => (names.indexOf(name) % every ? "" : cut(name, 14)),
    },
    y: { label: `median ${plain(measure)}`, grid: true },
    marks: [
      Plot.ruleY([measure === "auroc" ? 0.5 : 0], { strokeOpacity: 0.3 }),
      Plot.areaY(rows, {
        x,
        y1: of("control_lo"),
        y2: of("control_hi"),
        fill: "currentColor",
        fillOpacity: 0.18,
      }),
      Plot.areaY(rows, {
        x,
        y1: of("lower_quartile"),
        y2: of("upper_quartile"),
        fill: "var(--link)",
        fillOpacity: 0.15,
      }),
      Plot.lineY(rows, {
        x,
        y: of("control"),
        stroke: "currentColor",
        strokeOpacity: 0.6,
        strokeDasharray: "4 3",
      }),
      Plot.ruleX(rows, { x, y1: of("lo"), y2: of("hi"), stroke: "var(--link)", strokeWidth: 2 }),
      Plot.lineY(rows, { x, y: of("value"), stroke: "var(--link)" }),
      Plot.dot(rows, { x, y: of("value"), fill: "var(--link)", r: 4 }),
      tip(
        rows,
        { x, y: of("value") },
        (row: number) =>
          [
            x(row),
            ...describe(table, row, "value"),
            `middle half [${shown(table.cell(row, "lower_quartile"))}, ${shown(table.cell(row, "upper_quartile"))}]`,
          ].join("\n"),
        Plot.pointerX,
      ),
    ],
  };
}

export default Depth;
