// To which orientation is each unit tuned, and more sharply than units of randomly initialised controls?

import * as Plot from "@observablehq/plot";
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { limitOf } from "../../colour";
import { type Audit, part, type Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { usePages } from "../../views/Pages";
import { Pixels } from "../../views/Pixels";
import { describe, shown } from "../../wording";
import type { View } from "..";

const PAGE = 12;
const MOST = 1000;
const SURE = 0.05;

/** Sites in the order of the arrays; a long table of units may be cut, that of the depths never is. */
const sitesOf = (audit: Audit) => audit.table("activation.depth")?.distinct("site") ?? [];

/** Weights of the first layer belong to the units of the first site, where their numbers agree. */
export function Weights({
  audit,
  site,
  unit,
  head,
}: {
  audit: Audit;
  site: string;
  unit: number;
  head?: ComponentChildren;
}) {
  const weights = audit.array("activation.weights"),
    table = audit.table("sites");
  const [row] = table?.rows({ site }) ?? [];
  if (
    !weights ||
    sitesOf(audit)[0] !== site ||
    row === undefined ||
    table!.number(row, "units") !== weights.shape[0]
  )
    return null;
  const values = part(weights, unit),
    limit = limitOf(values);
  const picture = (
    <Pixels
      values={values}
      width={weights.shape[2]}
      limit={limit}
      size={head ? 112 : 56}
      label={`weights of unit ${unit} in the first layer: blue above 0, orange below`}
    />
  );
  if (!head) return picture;
  return (
    <div>
      {head}
      <Frame
        name={`weights of unit ${unit} of ${site}`}
        caption={`Weights from each input to the unit (several channels of the input stand side by side): blue above 0, orange below, full colour at ±${shown(Number(limit.toPrecision(3)))}. They are parts of the model, not measured: no n, no interval, no control.`}
      >
        {picture}
      </Frame>
    </div>
  );
}

const Tuning: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site", "stimulus"]);
  const [by, setBy] = useState("tuning");
  const site = String(equal.site),
    place = sitesOf(audit).indexOf(equal.site);
  const curves = audit.array(`activation.tuning.${place}.${equal.stimulus}`);
  const rows = useMemo(() => {
    const size = (row: number) => table.number(row, by);
    return table
      .rows(equal)
      .filter((row) => Number.isFinite(size(row)))
      .sort((a, b) => size(b) - size(a));
  }, [table, site, equal.stimulus, by]);
  const make = useCallback(() => ranked(table, rows.slice(0, MOST)), [table, rows]);
  const address = useCallback(
    (row: number) => to.unit(audit.siteIndex(site), table.number(row, "unit")),
    [table, site],
  );
  const [tiles, buttons] = usePages(rows, PAGE);
  return (
    <Frame
      caption={`How sharply each unit${rows.length > MOST ? ` (the first ${MOST} of ${rows.length})` : ""} is tuned (1: to one orientation only); lines: 95 % intervals; dashed: the median of randomly initialised controls; filled: sharper than they are at q < ${SURE}. Below: mean response by orientation, each on a scale of its own; upright: the preferred one and its 95 % interval. Sorted on these stimuli. Units that respond to nothing are left out.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        <Pick
          name="sorted by"
          from={["tuning", "peak", "orientation_index"]}
          at={by}
          set={setBy}
          word={(name) => table.word(name)}
        />
      </p>
      {rows.length > 0 ? (
        <Chart
          label={`${table.info.title}: sharpness of the units of ${site}`}
          make={make}
          address={address}
        />
      ) : (
        <p>No unit of this site responds to these stimuli.</p>
      )}
      {curves && (
        <>
          <p class="picks">{buttons}</p>
          <div class="tiles">
            {tiles.map((row) => {
              const unit = table.number(row, "unit");
              return (
                <div key={row}>
                  <a href={address(row)}>unit {unit}</a>{" "}
                  <small>
                    {table.number(row, "tuning").toFixed(2)} (control{" "}
                    {table.number(row, "control_tuning").toFixed(2)})
                  </small>
                  <div class="strip">
                    <Tile table={table} row={row} curve={part(curves, unit)} />
                    <Weights audit={audit} site={site} unit={unit} />
                  </div>
                </div>
              );
            })}
          </div>
        </>
      )}
    </Frame>
  );
};

function ranked(table: Table, rows: number[]): Plot.PlotOptions {
  const y = (row: number) => table.number(row, "tuning"),
    place = new Map(rows.map((row, i) => [row, i + 1]));
  const x = (row: number) => place.get(row)!,
    sure = (row: number) => table.number(row, "q") < SURE;
  return {
    height: 200,
    marginLeft: 44,
    x: { label: "units in this order" },
    y: { label: "sharpness of tuning (1 − circular variance)", domain: [0, 1], grid: true },
    marks: [
      Plot.ruleY(rows.slice(0, 1), {
        y: (row) => table.number(row, "control_tuning"),
        stroke: "currentColor",
        strokeDasharray: "4 3",
      }),
      ...(table.has("tuning_lo")
        ? [
            Plot.ruleX(rows, {
              x,
              y1: (row) => table.number(row, "tuning_lo"),
              y2: (row) => table.number(row, "tuning_hi"),
              stroke: "var(--soft)",
              strokeOpacity: 0.6,
            }),
          ]
        : []),
      Plot.dot(
        rows.filter((row) => !sure(row)),
        { x, y, r: 3, stroke: "var(--soft)" },
      ),
      Plot.dot(rows.filter(sure), { x, y, r: 3, fill: "var(--link)" }),
      tip(rows, { x, y }, (row: number) =>
        [
          `unit ${table.cell(row, "unit")}`,
          ...describe(table, row, "tuning"),
          preferred(table, row),
        ].join("\n"),
      ),
    ],
  };
}

/** The orientation has no test of its own: q is of the sharpness. */
const preferred = (table: Table, row: number) =>
  `prefers ${shown(table.cell(row, "orientation"))}° [${shown(table.cell(row, "lo"))}, ${shown(table.cell(row, "hi"))}]`;

/** A response `[O]` over 180 degrees, from 0 or its smallest value to its largest. */
function Tile({ table, row, curve }: { table: Table; row: number; curve: Float32Array }) {
  const [low, high] = [Math.min(0, ...curve), Math.max(0, ...curve)];
  const x = (degrees: number) => 2 + (136 * degrees) / 180,
    y = (v: number) => 66 - (52 * (v - low)) / (high - low || 1);
  const tipText = [
    `unit ${table.cell(row, "unit")}`,
    ...describe(table, row, "tuning"),
    preferred(table, row),
  ].join("\n");
  const [at, least, most] = ["orientation", "lo", "hi"].map((name) => x(table.number(row, name)));
  // after 180 degrees the same lines come again
  const points = [...curve, curve[0]]
    .map((v, i) => `${x((180 * i) / curve.length)},${y(v)}`)
    .join(" ");
  return (
    <svg
      viewBox="0 0 140 80"
      width="140"
      height="80"
      font-size="10"
      role="img"
      aria-label={tipText.replaceAll("\n", ", ")}
      class="tile"
    >
      <title>{tipText}</title>
      {Number.isFinite(at + least + most) && (
        <>
          {[-136, 0, 136].map((turn) => (
            <rect
              key={turn}
              x={least + turn}
              y="14"
              width={Math.max(1, most - least)}
              height="52"
              fill="currentColor"
              opacity=".15"
            />
          ))}
          <path d={`M${at} 14V66`} stroke="currentColor" stroke-dasharray="3 2" />
        </>
      )}
      <path d={`M0 ${y(0)}H140`} stroke="var(--soft)" />
      <polyline points={points} fill="none" stroke="var(--link)" stroke-width="2" />
      <text x="2" y="10">
        {shown(Number(high.toPrecision(2)))}
      </text>
      {[0, 90, 180].map((degrees) => (
        <text key={degrees} x={x(degrees) - degrees / 7} y="78">
          {degrees}°
        </text>
      ))}
    </svg>
  );
}

export default Tuning;
