// Which label fits each unit best.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { usePages } from "../../views/Pages";
import { describe, shown } from "../../wording";
import type { View } from "..";

const PAGE = 20;

const cut = (name: string, most: number) =>
  name.length > most ? `${name.slice(0, most - 1)}…` : name;

const Concepts: View = ({ table }) => {
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
      caption={`The label that fits each unit best, by F1 with its 95 % interval; grey: shuffled labels. Filled: fits better than those and than randomly initialised controls, both at q < 0.05 (n = ${rows.length ? shown(table.cell(rows[0], "n")) : ""}).`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        {buttons}
      </p>
      <Chart
        label={`${table.info.title}: F1 of the label of each unit`}
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
  const tipOf = (row: number) => [y(row), ...describe(table, row, "f1")].join("\n");
  return {
    height: 62 + 20 * rows.length,
    marginTop: 32,
    marginLeft: 186,
    x: { label: "F1 of the label", domain: [0, 1], grid: true },
    y: { label: "label and unit", labelAnchor: "top", domain: rows.map(y) },
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
      tip(rows, { y, x: of("f1") }, tipOf, Plot.pointerY),
    ],
  };
}

export default Concepts;
