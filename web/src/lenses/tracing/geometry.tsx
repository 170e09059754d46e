// How the classes lie to each other at a site: their means in the plane that holds them best.

import * as Plot from "@observablehq/plot";
import { useCallback } from "preact/hooks";
import type { Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { describe, shown } from "../../wording";
import type { View } from "..";

const ELLIPSES = 30;
const STEPS = 36;

const Geometry: View = ({ table }) => {
  const { classes } = useAudit().outline;
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = table.rows(equal);
  const make = useCallback((width: number) => drawn(table, rows, width), [table, equal.site]);
  const address = useCallback(
    (row: number) => to.class(Math.max(0, classes.indexOf(String(table.cell(row, "class"))))),
    [table],
  );
  const of = (name: string) => shown(table.cell(rows[0], name));
  return (
    <Frame
      caption={`Means of the classes' evaluation examples at ${shown(equal.site)}, in the plane of the class means of the selection split; ellipses: one standard deviation of the class's examples${rows.length > ELLIPSES ? " (left out for so many classes)" : ""}. The plane holds ${of("share")} [${of("lo")}, ${of("hi")}] of the variance between class means; with shuffled labels ${of("control_share")} [${of("control_lo")}, ${of("control_hi")}] (control).`}
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      <Chart label={`${table.info.title} at ${shown(equal.site)}`} make={make} address={address} />
    </Frame>
  );
};

function drawn(table: Table, rows: number[], width: number): Plot.PlotOptions {
  const of = (name: string) => (row: number) => table.number(row, name);
  const name = (row: number) => shown(table.cell(row, "class"));
  const outlines = rows.length > ELLIPSES ? [] : rows.flatMap((row) => outline(table, row));
  const tipOf = (row: number) =>
    [
      `class ${name(row)}, n ${shown(table.cell(row, "n"))}`,
      `x ${shown(table.cell(row, "x"))} (SD ${shown(table.cell(row, "spread_x"))})`,
      `y ${shown(table.cell(row, "y"))} (SD ${shown(table.cell(row, "spread_y"))})`,
      ...describe(table, row, "share"),
    ].join("\n");
  const across = (axis: "x" | "y") =>
    Math.max(...rows.map(of(axis))) - Math.min(...rows.map(of(axis))) || 1;
  // distances are the same both ways, but where classes lie nearly on a line
  const even = across("y") / across("x");
  return {
    ...(even > 0.2 && even < 1.5 ? { aspectRatio: 1 } : { height: Math.min(width, 460) }),
    marginLeft: 46,
    x: { label: "first axis of the class means", grid: true },
    y: { label: "second axis", grid: true },
    marks: [
      Plot.line(outlines, { x: "x", y: "y", z: "row", stroke: "var(--link)", strokeOpacity: 0.45 }),
      Plot.dot(rows, { x: of("x"), y: of("y"), r: 3, fill: "var(--link)" }),
      Plot.text(rows, {
        x: of("x"),
        y: of("y"),
        text: name,
        dy: -9,
        fontSize: 12,
        fill: "currentColor",
        stroke: "var(--paper)",
      }),
      tip(rows, { x: of("x"), y: of("y") }, tipOf),
    ],
  };
}

/** One standard deviation around the mean, tilted as the class's examples are. */
function outline(table: Table, row: number): { row: number; x: number; y: number }[] {
  const [x, y, sx, sy, tilt] = ["x", "y", "spread_x", "spread_y", "tilt"].map((name) =>
    table.number(row, name),
  );
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const turn = (2 * Math.PI * i) / STEPS;
    return {
      row,
      x: x + sx * Math.cos(turn),
      y: y + sy * (tilt * Math.cos(turn) + Math.sqrt(1 - tilt * tilt) * Math.sin(turn)),
    };
  });
}

export default Geometry;
