// How specific are units from site to site, and which word fits each?

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import { nothing, plain, shown, type Table, told } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { usePages } from "../../views/Pages";
import type { View } from "..";

const PAGE = 20;
const TICKS = 12;

const cut = (name: string, most: number) =>
  name.length > most ? `${name.slice(0, most - 1)}…` : name;

export const Depth: View = ({ table }) => {
  const [equal, picks] = useFilters(table, ["measure"]);
  const rows = useMemo(
    () => table.rows(equal).filter((row) => table.cell(row, "site") !== "all"),
    [table, equal.measure],
  );
  const [trend] = table.rows({ ...equal, site: "all" });
  const make = useCallback(() => overSites(table, rows, String(equal.measure)), [table, rows]);
  return (
    <Frame
      caption="The median unit of each site: dots with their 95 % intervals; blue band: the middle half of the units; grey: untrained copies, the median (dashed) and 95 % of them."
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      <Chart label={`${table.told.title}: ${equal.measure} over the sites`} make={make} />
      {trend !== undefined && table.cell(trend, "value") !== null && (
        <p class="pick">
          Rank correlation with depth over all units:{" "}
          {[shown(table.cell(trend, "value")), ...told(table, trend, "value").slice(1)].join(", ")}.
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
      Plot.ruleY([nothing(measure)], { strokeOpacity: 0.3 }),
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
            ...told(table, row, "value"),
            `middle half [${shown(table.cell(row, "lower_quartile"))}, ${shown(table.cell(row, "upper_quartile"))}]`,
          ].join("\n"),
        Plot.pointerX,
      ),
    ],
  };
}

export const Concepts: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const site = audit.siteIndex(equal.site);
  const rows = useMemo(
    () =>
      table
        .rows(equal)
        .filter((row) => table.cell(row, "f1") !== null)
        .sort(
          (a, b) =>
            Number(surely(table, b)) - Number(surely(table, a)) ||
            table.number(b, "f1") - table.number(a, "f1"),
        ),
    [table, equal.site],
  );
  const [some, buttons] = usePages(rows, PAGE);
  const make = useCallback(() => dotted(table, some), [table, rows, some[0]]);
  const address = useCallback(
    (row: number) => to.unit(site, table.number(row, "unit")),
    [table, site],
  );
  return (
    <Frame
      caption={`The word that fits each unit best, and the F1 of what the unit says about it; with its 95 % interval; grey: the same with the word shuffled, mean and 95 % point. First and filled: fits better than a shuffled word and than words fit units of untrained copies, both at q < 0.05; sorted by the F1 on these ${rows.length ? shown(table.cell(rows[0], "n")) : ""} evaluation examples.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        {buttons}
      </p>
      <Chart
        label={`${table.told.title}: F1 of the word of each unit`}
        make={make}
        address={address}
      />
    </Frame>
  );
};

const surely = (table: Table, row: number) =>
  ["q", "learned_q"].every((name) => table.number(row, name) < 0.05);

function dotted(table: Table, rows: number[]): Plot.PlotOptions {
  const y = (row: number) =>
    `${cut(shown(table.cell(row, "concept")), 18)} · unit ${table.cell(row, "unit")}`;
  const of = (name: string) => (row: number) => table.number(row, name);
  const said = (row: number) => [y(row), ...told(table, row, "f1")].join("\n");
  return {
    height: 62 + 20 * rows.length,
    marginTop: 32,
    marginLeft: 186,
    x: { label: "F1 of the word", domain: [0, 1], grid: true },
    y: { label: "word and unit", labelAnchor: "top", domain: rows.map(y) },
    marks: [
      Plot.ruleY(rows, {
        y,
        x1: of("control_f1"),
        x2: of("control_f1_hi"),
        stroke: "currentColor",
        strokeOpacity: 0.3,
        strokeWidth: 8,
      }),
      ...(table.has("f1_lo")
        ? [Plot.ruleY(rows, { y, x1: of("f1_lo"), x2: of("f1_hi"), stroke: "var(--link)" })]
        : []),
      Plot.dot(rows, {
        y,
        x: of("f1"),
        r: 4,
        stroke: "var(--link)",
        fill: (row: number) => (surely(table, row) ? "var(--link)" : "var(--paper)"),
      }),
      tip(rows, { y, x: of("f1") }, said, Plot.pointerY),
    ],
  };
}
