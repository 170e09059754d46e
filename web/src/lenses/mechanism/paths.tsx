// One image on its way through the sites: what a linear probe reads of it at each.

import * as Plot from "@observablehq/plot";
import { useCallback } from "preact/hooks";
import type { Table } from "../../data";
import { Cases } from "../../views/Cases";
import { Chart, tip } from "../../views/Chart";
import { Frame } from "../../views/Frame";
import { describe, shown } from "../../wording";
import type { View } from "..";

export function Path({ table, example }: { table: Table; example: number }) {
  const rows = table.rows({ example });
  const make = useCallback(() => drawn(table, rows), [table, example]);
  const wrong = table.cell(rows[0], "label") !== table.cell(rows[0], "prediction");
  return (
    <Frame
      caption={`What a linear probe makes of this image at each site, trained on other images. Line: the probability of its class ${shown(table.cell(rows[0], "label"))}${wrong ? `; dashed: of ${shown(table.cell(rows[0], "prediction"))}, which the model says` : ""}; grey: its class in the randomly initialised control. Words: the class that is read.`}
      table={table}
      rows={rows}
    >
      <Chart label={`${table.info.title}: probability by site`} make={make} />
    </Frame>
  );
}

function drawn(table: Table, rows: number[]): Plot.PlotOptions {
  const site = (row: number) => shown(table.cell(row, "site")),
    of = (name: string) => (row: number) => table.number(row, name);
  const known = rows.filter((row) => table.cell(row, "control_label_probability") !== null);
  const highest = (row: number) =>
    Math.max(of("label_probability")(row), of("prediction_probability")(row));
  const tipOf = (row: number) =>
    [
      `site ${site(row)}`,
      `read as ${shown(table.cell(row, "read"))}`,
      ...["label_probability", "prediction_probability", "control_label_probability"].map(
        (c) => `${table.word(c)} ${shown(table.cell(row, c))}`,
      ),
      ...describe(table, row, "accuracy").slice(0, 3),
    ].join("\n");
  return {
    height: 240,
    marginLeft: 46,
    marginBottom: rows.length > 6 ? 78 : 44,
    x: {
      label: "site, in the order of the model",
      domain: rows.map(site),
      tickFormat: (name: string) => (name.length > 14 ? `…${name.slice(-13)}` : name),
      tickRotate: rows.length > 6 ? -30 : 0,
    },
    y: { label: "probability", domain: [0, 1.12], ticks: [0, 0.5, 1], grid: true },
    marks: [
      Plot.lineY(known, {
        x: site,
        y: of("control_label_probability"),
        stroke: "currentColor",
        strokeOpacity: 0.5,
      }),
      Plot.lineY(rows, {
        x: site,
        y: of("prediction_probability"),
        stroke: "var(--warn)",
        strokeDasharray: "5 3",
      }),
      Plot.lineY(rows, {
        x: site,
        y: of("label_probability"),
        stroke: "var(--link)",
        strokeWidth: 2,
      }),
      Plot.dot(rows, { x: site, y: of("label_probability"), fill: "var(--link)", r: 3 }),
      Plot.text(rows, {
        x: site,
        y: highest,
        text: (row: number) => shown(table.cell(row, "read")),
        dy: -9,
        fill: "currentColor",
      }),
      tip(rows, { x: site, y: of("label_probability") }, tipOf, Plot.pointerX),
    ],
  };
}

const Paths: View = ({ table }) => (
  <Cases table={table} of={(example) => <Path key={example} table={table} example={example} />} />
);

export default Paths;
