// Agreement: lens against lens, and where selectivity and effect part.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { View } from "..";
import { plain, shown, told, type Audit, type Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { Heat, useFilters } from "../../views/Heat";

const SYMBOLS = ["circle", "triangle", "square", "diamond", "star", "cross"];
const NAMED = 8, MISLEADING = 3;
const APART = "selective, not causal";
/** In one order everywhere, so that a verdict has one mark and one colour. */
const VERDICTS = ["causal and selective", APART, "causal, not selective", "neither", "dead"];

const Lenses: View = ({ table }) => <Heat table={table} choice={{ kind: "heat", filters: ["site", "class"], rows: "lens_a", across: "lens_b", values: ["spearman", "topk_overlap"] }} />;

const Units: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = useMemo(() => table.rows(equal).filter((r) => Number.isFinite(table.number(r, "activation")) && Number.isFinite(table.number(r, "ablation"))), [table, equal.site]);
  const site = audit.siteIndex(equal.site);
  const make = useCallback(() => scatter(audit, table, rows), [table, rows]);
  const address = useCallback((row: number) => to.unit(site, table.number(row, "unit")), [table, site]);
  return (
    <Frame caption={`One mark per unit: how selective it is (across) and what its removal costs (up), named: the ${NAMED} largest effects on these examples and, in bold, the ${MISLEADING} most selective units that aren't causal. Colours and shapes: the verdict.`} table={table} rows={rows}>
      <p class="picks">{picks}</p>
      <Chart label={`${table.told.title}: selectivity against effect`} make={make} address={address} />
    </Frame>
  );
};

function scatter(audit: Audit, table: Table, rows: number[]): Plot.PlotOptions {
  const x = (row: number) => table.number(row, "activation"), y = (row: number) => table.number(row, "ablation");
  const verdict = (row: number) => shown(table.cell(row, "verdict"));
  const far = [...rows].sort((a, b) => Math.abs(y(b)) - Math.abs(y(a))).slice(0, NAMED);
  const misleading = rows.filter((row) => verdict(row) === APART).sort((a, b) => x(b) - x(a)).slice(0, MISLEADING);
  const verdicts = VERDICTS.filter((v) => table.distinct("verdict").includes(v));
  // both numbers with their intervals, n and controls, from the findings that they come from
  const own = (finding: string, value: string, row: number) => {
    const from = audit.table(finding), [first] = from?.rows({ site: table.cell(row, "site"), unit: table.cell(row, "unit"), class: table.cell(row, "preferred_class") }) ?? [];
    return first === undefined ? [] : told(from!, first, value);
  };
  const said = (row: number) => [`unit ${table.cell(row, "unit")}: ${verdict(row)}; class ${shown(table.cell(row, "preferred_class"))}`, ...own("activation.units", "auroc", row), ...own("ablation.units", "effect", row), ...["causal_class", "causal_bound", "accuracy_q"].filter((c) => table.has(c)).map((c) => `${plain(c)} ${shown(table.cell(row, c))}`)].join("\n");
  return {
    height: 380, marginLeft: 52, grid: true,
    x: { label: "activation: AUROC for the preferred class", nice: true },
    y: { label: `ablation: what the preferred class loses [${table.about("ablation").unit}]`, nice: true },
    symbol: { domain: verdicts, range: SYMBOLS, legend: true },
    color: { domain: verdicts, range: ["var(--soft)", "var(--link)", "var(--warn)", "var(--ink)"] },
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.dot(rows, { x, y, symbol: verdict, stroke: verdict, r: 3.5 }),
      Plot.text(misleading, { x, y, text: (row: number) => String(table.cell(row, "unit")), dy: 11, fill: "var(--warn)", fontWeight: "bold" }),
      Plot.text(far.filter((row) => !misleading.includes(row)), { x, y, text: (row: number) => String(table.cell(row, "unit")), dy: -10, fill: "currentColor" }),
      tip(rows, { x, y }, said),
    ],
  };
}

export const agreement: Record<string, View> = { "agreement.lenses": Lenses, "agreement.units": Units };
