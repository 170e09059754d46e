// What is left of a class's probability as pixels go, or come, in the order of each map?

import * as Plot from "@observablehq/plot";
import { useCallback } from "preact/hooks";
import { part, shown, told, type Numbers, type Table } from "../../data";
import { Chart, tip } from "../../views/Chart";
import { Frame } from "../../views/Frame";
import { failed, methodsOf, words } from "./gates";

const SYMBOLS = ["circle", "triangle", "square", "diamond", "star", "wye"];
const COLOURS = ["var(--link)", "var(--warn)", "var(--ink)"];

interface Point { name: string; method: string; share: number; chance: number; i: number }

export function Removal({ table, curves }: { table: Table; curves: Numbers }) {
  const names = [...methodsOf(table).slice(0, curves.shape[0] - 1), "random"];
  return (
    <Frame caption="Mean probability of the own class as pixels go (a good map falls fast), or come into a mean image (a good map rises fast), in the order of each map. Controls: a random order (broad, dashed) and an edge filter (dotted). ✗: fails a gate." table={table}>
      <div class="pair">
        <Side table={table} curves={curves} side={0} names={names} />
        <Side table={table} curves={curves} side={1} names={names} />
      </div>
    </Frame>
  );
}

function Side({ table, curves, side, names }: { table: Table; curves: Numbers; side: number; names: string[] }) {
  const doing = side ? "put in" : "removed";
  const make = useCallback(() => drawn(table, curves, side, names), [table, curves, side, names.join()]);
  return <div><h4>Pixels are {doing}</h4><Chart label={`Probability of the own class as pixels are ${doing}`} make={make} /></div>;
}

function drawn(table: Table, curves: Numbers, side: number, methods: string[]): Plot.PlotOptions {
  const steps = curves.shape[2], metric = side ? "insertion_auc" : "deletion_auc";
  const names = methods.map((method) => words(method) + (failed(table, method).length ? " ✗" : ""));
  const lines = methods.map((method, m) => Array.from(part(curves, m, side), (chance, i): Point => ({ name: names[m], method, share: i / (steps - 1), chance, i })));
  const said = ({ name, method, share, chance }: Point) => {
    const row = table.rows({ method, metric })[0];
    return [name, `${shown(share * 100)} % of the pixels: ${shown(chance)}`, ...(row === undefined ? [] : ["area under the curve:", ...told(table, row, "value")])].join("\n");
  };
  const at = { x: "share", y: "chance" } as const;
  const colours = methods.map((method, m) => (method === "random" ? "var(--soft)" : COLOURS[m % COLOURS.length]));
  return {
    height: 300, marginLeft: 44, grid: true,
    x: { label: `share of pixels ${side ? "put in" : "removed"}` },
    y: { label: "mean probability of the own class" },
    symbol: { domain: names, range: names.map((_, m) => SYMBOLS[m % SYMBOLS.length]), legend: true },
    color: { domain: names, range: colours },
    marks: [
      ...lines.map((line, m) => Plot.lineY(line, { ...at, stroke: colours[m], strokeWidth: methods[m] === "random" ? 3.5 : 1.5, strokeOpacity: methods[m] === "random" ? 0.5 : 1, strokeDasharray: { random: "7 5", edge: "1 4" }[methods[m]] })),
      Plot.dot(lines.flatMap((line, m) => line.filter(({ i }) => (i + m) % 3 === 0)), { ...at, symbol: "name", stroke: "name", fill: "var(--paper)", r: 3.5 }),
      tip(lines.flat(), at, said),
    ],
  };
}
