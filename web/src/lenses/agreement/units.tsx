// Where selectivity and effect part: a mark a unit.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo } from "preact/hooks";
import type { Audit, Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { describe, shown } from "../../wording";
import type { View } from "..";

/** The verdict of all lenses in words, as the table has it; an older audit has one of a few instead. */
export const inWords = (table: Table, row: number): string =>
  shown(table.cell(row, table.has("in_words") ? "in_words" : "verdict"));
/** What a unit is to the classes, of a fixed choice. */
export const kindOf = (table: Table, row: number): string =>
  shown(table.cell(row, table.has("plays") ? "plays" : "verdict"));
const NAMED = 8,
  MISLEADING = 3;
const IDLE = "fires but isn't needed",
  APART = "selective, not causal";
type Symbol = "circle" | "wye" | "triangle" | "square" | "diamond" | "star" | "cross" | "times";
/** In one order everywhere, so that a verdict has one mark and one colour. */
const KINDS: Record<string, [string, Symbol]> = {
  "carries its class": ["#009e73", "circle"],
  "carries another class": ["#cc79a7", "wye"],
  "vetoes a class": ["#d55e00", "triangle"],
  suppressor: ["#e69f00", "cross"],
  "needed but not selective": ["var(--warn)", "square"],
  redundant: ["#56b4e9", "star"],
  [IDLE]: ["var(--link)", "diamond"],
  "not needed": ["var(--soft)", "diamond"],
  "not settled": ["#b8a96a", "times"],
  dead: ["var(--line)", "times"],
  // of older audits
  "causal and selective": ["#009e73", "circle"],
  "selective, causal for another class": ["#cc79a7", "wye"],
  [APART]: ["var(--link)", "triangle"],
  "causal, not selective": ["var(--warn)", "square"],
  neither: ["var(--soft)", "diamond"],
  "not measured": ["var(--line)", "star"],
};
/** What stands for a kind of verdict in pictures. */
export const colourOf = (kind: string): string => KINDS[kind]?.[0] ?? "var(--line)";

const Units: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const rows = useMemo(
    () =>
      table
        .rows(equal)
        .filter(
          (r) =>
            Number.isFinite(table.number(r, "activation")) &&
            Number.isFinite(table.number(r, "ablation")),
        ),
    [table, equal.site],
  );
  const site = audit.siteIndex(equal.site);
  const make = useCallback((width: number) => scatter(audit, table, rows, width), [table, rows]);
  const address = useCallback(
    (row: number) => to.unit(site, table.number(row, "unit")),
    [table, site],
  );
  return (
    <Frame
      caption={`One mark per unit: how selective it is (across) and what its removal does to its preferred class (down: it loses). Named: the ${NAMED} largest effects and, in bold, the ${MISLEADING} most selective units that surely aren't needed. Colour and shape: the verdict. Intervals, n and controls are in the tooltips.`}
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      <Chart
        label={`${table.info.title}: selectivity against effect`}
        make={make}
        address={address}
      />
    </Frame>
  );
};

function scatter(audit: Audit, table: Table, rows: number[], width: number): Plot.PlotOptions {
  // the table tells what the class loses, the picture the effect, as everywhere
  const x = (row: number) => table.number(row, "activation"),
    y = (row: number) => 0 - table.number(row, "ablation");
  const kind = (row: number) => kindOf(table, row);
  const far = [...rows].sort((a, b) => Math.abs(y(b)) - Math.abs(y(a))).slice(0, NAMED);
  const misleading = rows
    .filter((row) => kind(row) === IDLE || kind(row) === APART)
    .sort((a, b) => x(b) - x(a))
    .slice(0, MISLEADING);
  const names = apart(
    [...misleading, ...far.filter((row) => !misleading.includes(row))],
    rows,
    x,
    y,
    width,
  );
  const seen = new Set(rows.map(kind)),
    kinds = Object.keys(KINDS).filter((one) => seen.has(one));
  // both numbers with their intervals, n and controls, from the findings that they come from
  const own = (finding: string, value: string, row: number) => {
    const from = audit.table(finding),
      [first] =
        from?.rows({
          site: table.cell(row, "site"),
          unit: table.cell(row, "unit"),
          class: table.cell(row, "preferred_class"),
        }) ?? [];
    return first === undefined
      ? [
          `${value === "auroc" ? "AUROC" : "effect"} ${shown((value === "auroc" ? x : y)(row))} (interval, n and control: in the table of ${finding})`,
        ]
      : describe(from!, first, value);
  };
  const tipOf = (row: number) =>
    [
      `unit ${table.cell(row, "unit")}: ${inWords(table, row)}; the numbers are for class ${shown(table.cell(row, "preferred_class"))}`,
      ...own("activation.units", "auroc", row),
      ...own("ablation.units", "effect", row),
      ...["causal_share", "accuracy_drop"]
        .filter((c) => table.has(c))
        .flatMap((c) => describe(table, row, c)),
    ].join("\n");
  return {
    height: 380,
    marginLeft: 52,
    grid: true,
    x: { label: "activation: AUROC for the preferred class", nice: true },
    y: {
      label: `ablation: effect of removing it on the preferred class [${table.about("ablation").unit}], below 0: it loses`,
      nice: true,
    },
    symbol: {
      domain: kinds,
      range: kinds.map((one) => KINDS[one][1]),
      legend: true,
    },
    color: { domain: kinds, range: kinds.map(colourOf) },
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.dot(rows, { x, y, symbol: kind, stroke: kind, r: 3.5 }),
      ...names.map(({ row, dy }) =>
        Plot.text([row], {
          x,
          y,
          dy,
          text: () => String(table.cell(row, "unit")),
          fill: kind,
          ...(misleading.includes(row) ? { fontWeight: "bold" } : {}),
        }),
      ),
      tip(rows, { x, y }, tipOf),
    ],
  };
}

/** Names that don't lie on each other, above or below their marks: the first ones first. */
export function apart(
  named: number[],
  rows: number[],
  x: (row: number) => number,
  y: (row: number) => number,
  width: number,
): { row: number; dy: number }[] {
  const place = (of: (row: number) => number, room: number, row: number) => {
    const all = rows.map(of),
      least = Math.min(...all);
    return (room * (of(row) - least)) / (Math.max(...all) - least || 1);
  };
  const taken: [number, number][] = [];
  return named.flatMap((row) => {
    const [left, up] = [place(x, width - 72, row), place(y, 330, row)];
    const dy = [-10, 11].find((d) =>
      taken.every(([a, b]) => Math.abs(a - left) > 26 || Math.abs(b - up + d) > 12),
    );
    if (dy === undefined) return [];
    taken.push([left, up - dy]);
    return [{ row, dy }];
  });
}

export default Units;
