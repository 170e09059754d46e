// Class directions: how well they tell, what steering along them does at each dose, what erasing costs.

import * as Plot from "@observablehq/plot";
import { useCallback, useState } from "preact/hooks";
import type { View } from "..";
import { fixed, shown, told, type Numbers, type Table } from "../../data";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { DotsView } from "../../views/Curve";
import { useFilters } from "../../views/Heat";

const DOSES = [-2, -1, 0, 1, 2];

export const Directions: View = ({ table }) => (
  <>
    <DotsView table={table} choice={{ kind: "dots", filters: ["site", "method"], rows: "class", across: "", values: ["auroc", "steer_slope", "erase_drop", "cosine"].filter((name) => table.has(name)) }} />
    <Steering table={table} />
  </>
);

/** Mean score of a class as a site is moved along its direction, beside random directions. */
function Steering({ table }: { table: Table }) {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const classes = table.distinct("class") as string[], methods = table.distinct("method") as string[];
  const [name, setName] = useState(classes[0]);
  const doses = audit.array(`tracing.doses.${table.distinct("site").indexOf(equal.site)}`);
  const bounds = audit.array(`tracing.dose_bounds.${table.distinct("site").indexOf(equal.site)}`);
  const rows = table.rows({ ...equal, class: name });
  const make = useCallback(() => drawn(table, rows, doses!, classes.indexOf(name), methods, audit.outline.score, bounds), [table, doses, name]);
  if (!doses || !rows.length) return null;
  return (
    <Frame caption={`Mean ${audit.outline.score} of class ${name} on evaluation examples as ${shown(equal.site)} is moved along the class's direction. Lines: both ways of finding the direction${bounds ? ", with 95 % intervals over examples" : ""}; grey: the mean slope of random directions moved by the same lengths, and 95 % of them (control).`} table={table} rows={rows}>
      <p class="picks">{picks}<Pick name="class" from={classes} at={name} set={setName} /></p>
      <Chart label={`${table.told.title}: mean score of class ${name} by dose`} make={make} />
    </Frame>
  );
}

function drawn(table: Table, rows: number[], doses: Numbers, label: number, methods: string[], score: string, bounds?: Numbers): Plot.PlotOptions {
  const [, ways, count] = doses.shape;
  const place = (row: number, i: number) => (label * ways + methods.indexOf(String(table.cell(row, "method")))) * count + i;
  const value = (row: number, i: number) => doses.values[place(row, i)];
  const end = (side: number, row: number, i: number) => bounds?.values[side * doses.values.length + place(row, i)] ?? NaN;
  const places = DOSES.map((_, i) => i), middle = DOSES.indexOf(0), first = rows[0];
  const beside = (column: string) => (i: number) => value(first, middle) + DOSES[i] * table.number(first, column);
  const x = (i: number) => DOSES[i];
  const marks: Plot.Markish[] = [];
  if (table.has("control_steer_lo", "control_steer_hi")) marks.push(Plot.areaY(places, { x, y1: beside("control_steer_lo"), y2: beside("control_steer_hi"), fill: "currentColor", fillOpacity: 0.18 }));
  if (table.has("control_steer_slope")) marks.push(Plot.lineY(places, { x, y: beside("control_steer_slope"), stroke: "currentColor", strokeOpacity: 0.6, strokeDasharray: "4 3" }));
  rows.forEach((row, n) => {
    const y = (i: number) => value(row, i);
    if (bounds) marks.push(Plot.areaY(places, { x, y1: (i: number) => end(0, row, i), y2: (i: number) => end(1, row, i), fill: n ? "var(--warn)" : "var(--link)", fillOpacity: 0.15 }));
    marks.push(Plot.lineY(places, { x, y, stroke: n ? "var(--warn)" : "var(--link)", strokeWidth: 2, strokeDasharray: n ? "2 4" : undefined }));
    marks.push(Plot.text([places.length - 1], { x, y, text: () => shown(table.cell(row, "method")).replaceAll("_", " "), textAnchor: "start", dx: 6, dy: n ? 8 : -4, fill: "currentColor" }));
  });
  const every = rows.flatMap((row) => places.map((i) => ({ row, i })));
  const said = ({ row, i }: { row: number; i: number }) => [`${table.cell(row, "method")}: ${shown(Number(value(row, i).toPrecision(4)))} ${bounds ? ` [${fixed(end(0, row, i), 3)}, ${fixed(end(1, row, i), 3)}]` : ""} at ${DOSES[i]} SD`, ...told(table, row, "steer_slope")].join("\n");
  marks.push(tip(every, { x: ({ i }) => DOSES[i], y: ({ row, i }) => value(row, i) }, said));
  return { height: 300, marginLeft: 52, marginRight: 150, x: { label: "dose, standard deviations of the projections", ticks: DOSES }, y: { label: `mean ${score}`, grid: true }, marks };
}
