// What units respond to, as a wall of the images that each saw.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Audit, Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { DataTable } from "../../views/DataTable";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { usePages } from "../../views/Pages";
import { type Box, type Part, Picture } from "../../views/Picture";
import type { View } from "..";
import type { UnitOf } from "../parts";
import { MOST, NeuronWall, unitsOf } from "./_wall";

/** Units at a time: of pictures, and of what is read. */
const [PAGE, READ] = [12, 2];
const KINDS = [
  ["top", "largest values", 6],
  ["quantile", "quantiles", 5],
  ["random", "random examples", 4],
] as const;

/** One unit's examples; only the first block is chosen for large values. */
export function Examples({
  table,
  site,
  unit,
  crop,
}: {
  table: Table;
  site: string;
  unit: number;
  crop?: boolean;
}) {
  const audit = useAudit();
  const rows = table.rows({ site, unit });
  return (
    <div class="examples">
      {KINDS.map(([kind, words, count]) => (
        <div key={kind}>
          <small>{words}</small>
          <div class="strip">
            {rows
              .filter((row) => table.cell(row, "kind") === kind)
              .sort((a, b) => table.number(a, "rank") - table.number(b, "rank"))
              .map(
                (row) =>
                  [row, audit.images!.examples.indexOf(table.number(row, "example"))] as const,
              )
              .filter(([, place]) => place >= 0)
              .slice(0, count)
              .map(([row, place]) => (
                <Picture
                  key={row}
                  place={place}
                  value={table.number(row, "value")}
                  box={boxOf(table, row)}
                  {...peakOf(audit, table, row)}
                  crop={crop}
                />
              ))}
          </div>
        </div>
      ))}
    </div>
  );
}

/** Where along its input a unit's value is largest, and how much of it the unit sees there, by how many positions it has. */
function peakOf(audit: Audit, table: Table, row: number): { mark?: number; span?: number } {
  if (table.cell(row, "peak") === null) return {};
  const sites = audit.table("sites"),
    [about] = sites?.rows({ site: table.cell(row, "site") }) ?? [],
    steps = audit.exampleShape()[1];
  const positions = about === undefined ? steps : sites!.number(about, "positions"),
    stride = Math.max(1, Math.floor(steps / positions));
  return {
    mark: table.number(row, "peak") * stride,
    span: Math.max(1, steps - stride * (positions - 1)),
  };
}

/** The example that drives a unit most, of those that the page holds. */
export function emblem(audit: Audit, { site, unit }: UnitOf): Part | undefined {
  const table = audit.table("activation.examples");
  const row = table
    ?.rows({ site, unit, kind: "top" })
    .sort((a, b) => table.number(a, "rank") - table.number(b, "rank"))
    .find((row) => audit.images?.examples.includes(table.number(row, "example")));
  if (row === undefined) return undefined;
  const place = audit.images!.examples.indexOf(table!.number(row, "example"));
  return { place, box: boxOf(table!, row), ...peakOf(audit, table!, row) };
}

/** The part of the input that the unit sees where its value is largest; undefined where units don't repeat. */
function boxOf(table: Table, row: number): Box | undefined {
  if (!table.has("top_edge", "left_edge", "height", "width") || table.cell(row, "height") === null)
    return undefined;
  return {
    top: table.number(row, "top_edge"),
    left: table.number(row, "left_edge"),
    height: table.number(row, "height"),
    width: table.number(row, "width"),
  };
}

/** All units of a layer at a glance, and on demand the examples of each one by one. */
const Wall: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["site"]);
  const site = String(equal.site);
  const units = useMemo(() => unitsOf(table, site), [table, site]);
  const [some, buttons] = usePages(units, MOST);
  const [each, setEach] = useState(false);
  if (!audit.images?.sheet)
    return <OneByOne table={table} site={site} units={units} picks={picks} />;
  return (
    <>
      <Frame
        name={`neurons ${site}`}
        caption="Each tile is one unit: the four evaluation examples that drive it most, chosen for that. Its frame is the verdict of all lenses; tiles have no interval, a unit's card has its numbers."
      >
        <p class="picks">
          {picks}
          {buttons}
        </p>
        <NeuronWall table={table} site={site} units={some} />
      </Frame>
      <details onToggle={(e) => setEach(e.currentTarget.open)}>
        <summary>each unit's largest, middling and random examples</summary>
        {each && <OneByOne table={table} site={site} units={units} />}
      </details>
    </>
  );
};

function OneByOne({
  table,
  site,
  units,
  picks,
}: {
  table: Table;
  site: string;
  units: number[];
  picks?: ComponentChildren;
}) {
  const audit = useAudit();
  const [crop, setCrop] = useState(false);
  const [some, buttons] = usePages(units, audit.images?.sheet ? PAGE : READ);
  if (!audit.images) return <DataTable table={table} />;
  return (
    <Frame
      caption={`What each unit sees. Only the first block is chosen for large values; the others show what else passes through it. ${audit.images.sheet ? "Outlined: the part that a unit of a convolution sees" : "Marked: the place"} where its value is largest. Examples are of the evaluation split and stand for themselves: no interval; the random ones are the control. Images that the page has no room for are left out.`}
      table={table}
    >
      <p class="picks">
        {picks}
        {buttons}
        {audit.images.sheet && (
          <label class="pick">
            <input type="checkbox" checked={crop} onChange={() => setCrop(!crop)} /> only the part
            that the unit sees
          </label>
        )}
      </p>
      {some.map((unit) => (
        <div class="wallrow" key={unit}>
          <a href={to.unit(audit.siteIndex(site), unit)}>unit {unit}</a>
          <Examples table={table} site={site} unit={unit} crop={crop} />
        </div>
      ))}
    </Frame>
  );
}

export default Wall;
