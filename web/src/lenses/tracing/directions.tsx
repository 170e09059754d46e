// Class directions: how well they tell, what steering along them does at each dose, what erasing costs.

import * as Plot from "@observablehq/plot";
import { useCallback, useState } from "preact/hooks";
import type { Numbers, Table } from "../../data";
import { Chart, tip } from "../../views/Chart";
import { DotsView } from "../../views/Curve";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { controlOf, describe, fixed, shown } from "../../wording";
import type { View } from "..";
import { Strips } from "./_strips";

const DOSES = [-2, -1, 0, 1, 2];

const Directions: View = ({ table }) => (
  <>
    <Strips site={String(table.distinct("site").at(-1))} />
    <DotsView
      table={table}
      choice={{
        kind: "dots",
        filters: ["site", "method"],
        rows: "class",
        across: "",
        values: ["auroc", "steer_slope", "erase_drop"].filter((name) => table.has(name)),
      }}
    />
    <Steering table={table} />
  </>
);

/** Mean score of a class as a site is moved along its direction, beside random directions. */
function Steering({ table }: { table: Table }) {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const classes = table.distinct("class") as string[],
    methods = table.distinct("method") as string[];
  const [name, setName] = useState(classes[0]);
  const doses = audit.array(`tracing.doses.${table.distinct("site").indexOf(equal.site)}`);
  const bounds = audit.array(`tracing.dose_bounds.${table.distinct("site").indexOf(equal.site)}`);
  const [method, setMethod] = useState(methods[0]);
  const [row] = table.rows({ ...equal, class: name, method });
  const make = useCallback(
    () => drawn(table, row, doses!, classes.indexOf(name), methods, audit.outline.score, bounds),
    [table, doses, row],
  );
  if (!doses || row === undefined) return null;
  return (
    <Frame
      caption={`Mean ${audit.outline.score} of class ${name} on evaluation examples as ${shown(equal.site)} is moved along the class's direction${bounds ? ", with 95 % intervals over examples" : ""}; grey: the mean slope of random directions moved by the same lengths, and 95 % of them (control).`}
      table={table}
      rows={[row]}
    >
      <p class="picks">
        {picks}
        <Pick name="class" from={classes} at={name} set={setName} />
        <Pick
          name="direction"
          from={methods}
          at={method}
          set={setMethod}
          word={(way) => way.replaceAll("_", " ")}
        />
      </p>
      <Chart label={`${table.info.title}: mean score of class ${name} by dose`} make={make} />
    </Frame>
  );
}

function drawn(
  table: Table,
  row: number,
  doses: Numbers,
  label: number,
  methods: string[],
  score: string,
  bounds?: Numbers,
): Plot.PlotOptions {
  const [, ways, count] = doses.shape;
  const first = (label * ways + methods.indexOf(String(table.cell(row, "method")))) * count;
  const y = (i: number) => doses.values[first + i];
  const end = (side: number) => (i: number) =>
    bounds?.values[side * doses.values.length + first + i] ?? NaN;
  const places = DOSES.map((_, i) => i),
    middle = DOSES.indexOf(0);
  const columnOf = (column: string) => (i: number) =>
    y(middle) + DOSES[i] * table.number(row, column);
  const x = (i: number) => DOSES[i];
  const tipOf = (i: number) =>
    [
      `${shown(Number(y(i).toPrecision(4)))}${bounds ? ` [${fixed(end(0)(i), 3)}, ${fixed(end(1)(i), 3)}]` : ""} at ${DOSES[i]} SD`,
      ...describe(table, row, "steer_slope"),
    ].join("\n");
  const [control, least, most] = controlOf(table, "steer_slope");
  return {
    height: 300,
    marginLeft: 52,
    x: { label: "dose, standard deviations of the projections", ticks: DOSES },
    y: { label: `mean ${score}`, grid: true },
    marks: [
      ...(least
        ? [
            Plot.areaY(places, {
              x,
              y1: columnOf(least),
              y2: columnOf(most),
              fill: "currentColor",
              fillOpacity: 0.18,
            }),
          ]
        : []),
      ...(control
        ? [
            Plot.lineY(places, {
              x,
              y: columnOf(control),
              stroke: "currentColor",
              strokeOpacity: 0.6,
              strokeDasharray: "4 3",
            }),
          ]
        : []),
      ...(bounds
        ? [
            Plot.areaY(places, {
              x,
              y1: end(0),
              y2: end(1),
              fill: "var(--link)",
              fillOpacity: 0.22,
            }),
          ]
        : []),
      Plot.lineY(places, { x, y, stroke: "var(--link)", strokeWidth: 2 }),
      tip(places, { x, y }, tipOf),
    ],
  };
}

export default Directions;
