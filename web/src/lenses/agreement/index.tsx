// Agreement: lens against lens, and where selectivity and effect part.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { View } from "..";
import { shown, type Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { Heat, useFilters } from "../../views/Heat";

const SYMBOLS = ["circle", "triangle", "square", "diamond", "star", "cross"];
const NAMED = 8;

const Lenses: View = ({ table }) => <Heat table={table} choice={{ kind: "heat", filters: ["site", "class"], rows: "lens_a", across: "lens_b", values: ["spearman", "topk_overlap"] }} />;

const Units: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = useMemo(() => table.rows(equal).filter((r) => Number.isFinite(table.number(r, "activation")) && Number.isFinite(table.number(r, "ablation"))), [table, equal.site]);
  const site = audit.siteIndex(equal.site);
  const make = useCallback(() => scatter(table, rows), [table, rows]);
  const address = useCallback((row: number) => to.unit(site, table.number(row, "unit")), [table, site]);
  return (
    <Frame caption={`One mark per unit: how selective it is (across) and what its removal costs (up), the ${NAMED} largest effects named. Colours and shapes: the verdict.`} table={table} rows={rows}>
      <p class="picks">{picks}</p>
      <Chart label={`${table.told.title}: selectivity against effect`} make={make} address={address} />
    </Frame>
  );
};

function scatter(table: Table, rows: number[]): Plot.PlotOptions {
  const x = (row: number) => table.number(row, "activation"), y = (row: number) => table.number(row, "ablation");
  const verdict = (row: number) => shown(table.cell(row, "verdict"));
  const far = [...rows].sort((a, b) => Math.abs(y(b)) - Math.abs(y(a))).slice(0, NAMED);
  const verdicts = table.distinct("verdict").map((v) => shown(v));
  const said = (row: number) => [`unit ${table.cell(row, "unit")}: ${verdict(row)}`, ...["preferred_class", "activation", "selective_bound", "ablation", "causal_class", "causal_bound", "accuracy_q"].filter((c) => table.has(c)).map((c) => `${c} ${shown(table.cell(row, c))}`)].join("\n");
  return {
    height: 380, marginLeft: 52, grid: true,
    x: { label: `activation: ${table.about("activation").meaning}`.slice(0, 90) },
    y: { label: `ablation [${table.about("ablation").unit || "score"}]` },
    symbol: { domain: verdicts, range: SYMBOLS, legend: true },
    color: { domain: verdicts, range: ["var(--soft)", "var(--link)", "var(--warn)", "var(--ink)"] },
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.dot(rows, { x, y, symbol: verdict, stroke: verdict, r: 3.5 }),
      Plot.text(far, { x, y, text: (row: number) => String(table.cell(row, "unit")), dy: -10, fill: "currentColor" }),
      tip(rows, { x, y }, said),
    ],
  };
}

export const agreement: Record<string, View> = { "agreement.lenses": Lenses, "agreement.units": Units };
