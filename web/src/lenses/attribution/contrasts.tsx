// Which pixels speak for a class rather than for the one that the model takes it for?

import * as Plot from "@observablehq/plot";
import { useCallback, useState } from "preact/hooks";
import { limitOf } from "../../colour";
import { part, type Table } from "../../data";
import { to } from "../../route";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { InputMap } from "../../views/InputMap";
import { Pixels } from "../../views/Pixels";
import { bounds, describe, shown } from "../../wording";
import type { View } from "..";

const SETS = [
  {
    name: "contrast map",
    value: "change",
    less: "difference",
    symbol: "circle",
    stroke: "var(--link)",
  },
  {
    name: "map of one logit",
    value: "plain_change",
    less: "beyond_plain",
    symbol: "triangle",
    stroke: "var(--warn)",
  },
  {
    name: "random (control)",
    value: "control_change",
    less: "difference",
    symbol: "square",
    stroke: "var(--soft)",
  },
] as const;

const Contrasts: View = ({ table }) => {
  const [pair, setPair] = useState(0);
  // both directions of a pair stand one below the other
  const pairs = Array.from({ length: Math.floor(table.length / 2) }, (_, k) => k);
  const rows = [2 * pair, 2 * pair + 1];
  const [a, b] = rows.map((row) => shown(table.cell(row, "class")));
  const span = [
    ...rows.flatMap((row) =>
      SETS.flatMap(({ value }) => bounds(table, value).map((name) => table.number(row, name))),
    ),
    0,
  ].filter(Number.isFinite);
  const domain = [Math.min(...span), Math.max(...span)];
  return (
    <Frame
      caption={`What in an image of either class speaks for ${a} (blue) or for ${b} (orange). Below: how far the class's logit falls against the other's, with 95 % intervals over evaluation images, without the ${shown(table.number(rows[0], "share") * 100)} % of the pixels that speak most for it, beside as many random pixels (control) and the map of its logit alone.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        <Pick
          name="pair"
          from={pairs}
          at={pair}
          set={setPair}
          word={(k) =>
            `${shown(table.cell(2 * k, "class"))} or ${shown(table.cell(2 * k, "rival"))}`
          }
        />
        <span class="pick">
          {shown(table.cell(rows[0], "confused"))} selection examples of the two are taken for the
          other
        </span>
      </p>
      <div class="pair">
        {rows.map((row, side) => (
          <Side
            key={row}
            table={table}
            row={row}
            pair={pair}
            side={side}
            names={[a, b]}
            domain={domain}
          />
        ))}
      </div>
    </Frame>
  );
};

function Side({
  table,
  row,
  pair,
  side,
  names,
  domain,
}: {
  table: Table;
  row: number;
  pair: number;
  side: number;
  names: string[];
  domain: number[];
}) {
  const audit = useAudit();
  const images = audit.array("attribution.contrast_images"),
    maps = audit.array("attribution.contrast_maps");
  const own = names[side],
    rival = names[1 - side],
    place = audit.outline.classes.indexOf(own);
  const make = useCallback(() => drawn(table, row, domain), [table, row, ...domain]);
  const map = maps && part(maps, pair, side);
  return (
    <div>
      <h4>
        {place < 0 ? own : <a href={to.class(place)}>{own}</a>} rather than {rival}
      </h4>
      {images &&
        maps &&
        map &&
        (Number.isFinite(map[0]) ? (
          <div class="strip">
            {audit.inputs.parts === "pixels" && (
              <Pixels
                values={part(images, pair, side)}
                width={images.shape[3]}
                planes={images.shape[4]}
                size={112}
                label={`typical image of class ${own}`}
              />
            )}
            <InputMap
              values={map}
              width={maps.shape[3]}
              limit={limitOf(part(maps, pair))}
              size={112}
              label={`what in it speaks for ${names[0]} (blue) or ${names[1]} (orange)`}
            />
          </div>
        ) : (
          <p class="pick">No example of this class is classified rightly.</p>
        ))}
      <Chart
        label={`Change of the logit of ${own} against that of ${rival}, by the ${audit.inputs.parts} that are removed`}
        make={make}
      />
    </div>
  );
}

/** Value, interval and n, and how far the contrast map goes beyond on the same images: short, or it's cut off. */
const lines = (table: Table, row: number, { name, value, less }: (typeof SETS)[number]) =>
  [
    name,
    ...describe(table, row, value).slice(0, 3),
    ...describe(table, row, less).slice(0, 2),
    ...(value === "change" ? [`q ${shown(table.cell(row, "q"))}`] : []),
  ].join("\n");

function drawn(table: Table, row: number, domain: number[]): Plot.PlotOptions {
  const of = (name: string) => table.number(row, name);
  return {
    height: 140,
    marginLeft: 118,
    x: { label: "change of the difference of the logits", domain, nice: true, grid: true },
    y: { label: null, domain: SETS.map((set) => set.name) },
    marks: [
      Plot.ruleX([0], { strokeOpacity: 0.4 }),
      ...SETS.map(({ name, value, stroke }) =>
        Plot.ruleY([0], {
          y: [name],
          x1: [of(bounds(table, value)[0])],
          x2: [of(bounds(table, value)[1])],
          stroke,
          strokeWidth: 2,
        }),
      ),
      ...SETS.map(({ name, value, symbol, stroke }) =>
        Plot.dot([0], { y: [name], x: [of(value)], symbol, stroke, fill: stroke, r: 5 }),
      ),
      tip(
        SETS,
        { x: (set) => of(set.value), y: "name" },
        (set) => lines(table, row, set),
        Plot.pointerY,
      ),
    ],
  };
}

export default Contrasts;
