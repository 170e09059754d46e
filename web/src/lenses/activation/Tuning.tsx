// To which orientations do units answer: the sharpest ones of a site, beside what untrained copies do.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { View } from "..";
import { limitOf } from "../../colour";
import { shown, told, type Audit, type Table } from "../../data";
import { to } from "../../route";
import { Chart } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { Pixels } from "../../views/Pixels";

const SHOWN = 6;
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 5", "12 4"];
const COLOURS = ["var(--link)", "var(--warn)", "var(--ink)"];

export const Tuning: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site", "stimulus"]);
  const curves = audit.array(`activation.tuning.${table.distinct("site").indexOf(equal.site)}.${equal.stimulus}`);
  const rows = useMemo(() => sharpest(table, table.rows(equal)), [table, equal.site, equal.stimulus]);
  const make = useCallback(() => drawn(table, rows, curves!), [table, rows, curves]);
  if (!curves) return null;
  const site = audit.siteIndex(equal.site);
  const first = rows[0] ?? -1;
  return (
    <Frame caption={`Mean response to ${shown(equal.stimulus)}s by their orientation, of the ${rows.length} most sharply tuned units of ${shown(equal.site)}${first < 0 ? "" : ` (sharpness ${shown(table.cell(first, "tuning"))} at most; the median unit of untrained copies ${shown(table.cell(first, "control_tuning"))})`}. Below, where units read the input itself: their weights, blue above zero.`} table={table} rows={table.rows(equal)}>
      <p class="picks">{picks}</p>
      {rows.length ? <Chart label={`${table.told.title}: response by orientation`} make={make} address={(row) => to.unit(site, table.number(row, "unit"))} /> : <p>No unit of this site answers to such stimuli.</p>}
      <div class="strip">
        {rows.map((row) => <a key={row} href={to.unit(site, table.number(row, "unit"))}><Weights site={String(equal.site)} unit={table.number(row, "unit")} /></a>)}
      </div>
    </Frame>
  );
};

/** Units that answer at all, those that beat the untrained copies first, the sharpest first. */
function sharpest(table: Table, rows: number[]): number[] {
  const beats = (row: number) => Number(table.number(row, "q") < 0.05);
  return rows.filter((row) => Number.isFinite(table.number(row, "tuning")))
    .sort((a, b) => beats(b) - beats(a) || table.number(b, "tuning") - table.number(a, "tuning")).slice(0, SHOWN);
}

function drawn(table: Table, rows: number[], curves: { shape: number[]; values: Float32Array }): Plot.PlotOptions {
  const [, count] = curves.shape;
  const places = Array.from({ length: count + 1 }, (_, i) => i);
  const value = (row: number) => (i: number) => curves.values[table.number(row, "unit") * count + (i % count)];
  const peak = (row: number) => places.reduce((best, i) => (value(row)(i) > value(row)(best) ? i : best), 0);
  const degrees = (i: number) => (180 * i) / count;
  const points = rows.flatMap((row) => places.map((i) => ({ row, x: degrees(i), y: value(row)(i) })));
  return {
    height: 280, marginTop: 30, marginRight: 30, marginLeft: 46,
    x: { label: "orientation of the lines, degrees", ticks: [0, 45, 90, 135, 180] }, y: { label: "mean value", grid: true },
    marks: [
      ...rows.map((row, n) => Plot.lineY(places, { x: degrees, y: value(row), stroke: COLOURS[n % 3], strokeDasharray: DASHES[n] })),
      Plot.text(rows, { x: (row: number) => degrees(peak(row)), y: (row: number) => value(row)(peak(row)), text: (row: number) => `unit ${table.cell(row, "unit")}`, dy: -7, fill: "currentColor" }),
      Plot.tip(points.map((p) => p.row), Plot.pointer({ x: points.map((p) => p.x), y: points.map((p) => p.y), title: (row: number) => [`unit ${table.cell(row, "unit")}`, ...told(table, row, "tuning"), ...told(table, row, "orientation").slice(0, 2)].join("\n"), fill: "var(--tint)" })),
    ],
  };
}

/** What a unit of the first layer multiplies the input with. */
export function Weights({ site, unit }: { site: string; unit: number }) {
  const weights = weightsOf(useAudit(), site, unit);
  return weights && <Pixels values={weights.values} width={weights.width} limit={limitOf(weights.values)} label={`weights of unit ${unit}`} />;
}

function weightsOf(audit: Audit, site: string, unit: number): { values: Float32Array; width: number } | null {
  const weights = audit.array("activation.weights");
  const first = audit.table("activation.tuning")?.distinct("site")[0];
  if (!weights || first !== site || unit >= weights.shape[0]) return null;
  const size = weights.values.length / weights.shape[0];
  return { values: weights.values.subarray(unit * size, (unit + 1) * size), width: weights.shape[2] };
}
