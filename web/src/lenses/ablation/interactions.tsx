// Units that stand in for each other, and units that work only together: pairs as edges of a graph.

import { useState } from "preact/hooks";
import type { Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { Edge, UnitNode } from "../../views/Graph";
import { Tip } from "../../views/Grid";
import { Heat, useFilters } from "../../views/Heat";
import { describe, shown } from "../../wording";
import type { View } from "..";

const SIDE = 440;
const COUNTS = [20, 40, 80];

const Interactions: View = ({ table }) => (
  <>
    <Graph table={table} />
    <Heat
      table={table}
      choice={{
        kind: "heat",
        filters: ["site", "kind", "class"],
        rows: "unit_a",
        across: "unit_b",
        values: ["interaction"],
      }}
      start={{ kind: "top", class: "all" }}
    />
  </>
);

function Graph({ table }: { table: Table }) {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site", "class"], { class: "all" });
  const [count, setCount] = useState(COUNTS[0]);
  const [now, setNow] = useState<{ row: number; x: number; y: number } | null>(null);
  const significant = (row: number) => table.number(row, "q") < 0.05;
  // what an interaction means goes by which way its units' own effects go, not by its sign alone
  const kind = (row: number) =>
    table.has("verdict")
      ? table.cell(row, "verdict")
      : table.number(row, "interaction") < 0
        ? "redundant"
        : "synergistic";
  const random = table.rows({ ...equal, kind: "random" });
  const rows = table
    .rows(equal)
    .filter((row) => table.cell(row, "kind") !== "random" && significant(row))
    .sort(
      (a, b) => Math.abs(table.number(b, "interaction")) - Math.abs(table.number(a, "interaction")),
    );
  const pairs = new Map<string, number>();
  for (const row of rows) {
    // a pair may stand among the strong units and among all
    const pair = `${table.cell(row, "unit_a")} ${table.cell(row, "unit_b")}`;
    if (!pairs.has(pair)) pairs.set(pair, row);
  }
  const mixed = [...pairs.values()].filter((row) => kind(row) === "mixed").length;
  const kept = [...pairs.values()].filter((row) => kind(row) !== "mixed").slice(0, count);
  const units = [
    ...new Set(kept.flatMap((row) => [table.number(row, "unit_a"), table.number(row, "unit_b")])),
  ].sort((a, b) => a - b);
  const place = (unit: number) => {
    const turn = (2 * Math.PI * units.indexOf(unit)) / units.length - Math.PI / 2,
      radius = SIDE / 2 - 20;
    return { x: SIDE / 2 + radius * Math.cos(turn), y: SIDE / 2 + radius * Math.sin(turn) };
  };
  const most = Math.max(...kept.map((row) => Math.abs(table.number(row, "interaction"))), 1e-12);
  return (
    <Frame
      caption={`The ${kept.length} strongest on these examples of the ${pairs.size} significant interactions (q < 0.05)${table.cut ? " that this page holds" : ""} of units of ${shown(equal.site)}. Orange, dashed: redundant, removing both does more of what each does than the sum; blue, whole: synergistic, it does less; width: how much.${mixed ? ` ${mixed} of a unit that helps and one that harms are left out.` : ""} Pairs may be measured on different numbers of examples (n in the tooltips). Of ${random.length} random pairs, ${random.filter(significant).length} are significant (control).`}
      table={table}
      rows={table.rows(equal)}
    >
      <p class="picks">
        {picks}
        <Pick name="pairs" from={COUNTS} at={count} set={setCount} />
      </p>
      {!kept.length && <p>No interaction is significant.</p>}
      {kept.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: no element of SVG says group
        <svg
          class="plot"
          role="group"
          aria-label={`${table.info.title}: the strongest interactions`}
          width={SIDE}
          height={SIDE}
          viewBox={`0 0 ${SIDE} ${SIDE}`}
          onMouseLeave={() => setNow(null)}
        >
          {kept.map((row) => {
            const [a, b] = [place(table.number(row, "unit_a")), place(table.number(row, "unit_b"))],
              value =
                (kind(row) === "redundant" ? -1 : 1) * Math.abs(table.number(row, "interaction"));
            return (
              <Edge
                key={row}
                path={`M${a.x} ${a.y}Q${SIDE / 2} ${SIDE / 2} ${b.x} ${b.y}`}
                value={value}
                share={Math.abs(value) / most}
                lit={now?.row === row}
                over={(e) => setNow({ row, x: e.clientX, y: e.clientY })}
              />
            );
          })}
          {units.map((unit) => (
            <UnitNode
              key={unit}
              {...place(unit)}
              unit={unit}
              label={`unit ${unit}`}
              href={to.unit(audit.siteIndex(equal.site), unit)}
            />
          ))}
        </svg>
      )}
      {now && (
        <Tip
          lines={[
            `units ${table.cell(now.row, "unit_a")} and ${table.cell(now.row, "unit_b")}: ${shown(table.cell(now.row, "verdict"))}`,
            ...describe(table, now.row, "interaction"),
          ]}
          x={now.x}
          y={now.y}
        />
      )}
    </Frame>
  );
}

export default Interactions;
