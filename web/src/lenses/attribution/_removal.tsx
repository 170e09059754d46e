// What is left of a class's probability as pixels go, or come, in the order of each map?

import * as Plot from "@observablehq/plot";
import { useCallback } from "preact/hooks";
import { type Numbers, part, type Table } from "../../data";
import { Chart, tip } from "../../views/Chart";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { capital, fixed, shown } from "../../wording";
import { failed, methodsOf, nameOf, tested } from "./_gates";

const SYMBOLS = ["circle", "triangle", "square", "diamond", "star", "wye"];
const COLOURS = ["var(--link)", "var(--warn)", "var(--ink)", "#009e73", "#cc79a7"];

interface Point {
  name: string;
  method: string;
  share: number;
  chance: number;
  i: number;
  lo: number;
  hi: number;
}
/** Mean curves `[M, 2, S]` and, where the audit has them, the ends of their intervals `[M, 2, 2, S]`. */
interface Given {
  table: Table;
  curves: Numbers;
  bounds?: Numbers;
}

export function Removal({ table, curves, bounds }: Given) {
  const names = [...methodsOf(table).slice(0, curves.shape[0] - 1), "random"];
  return (
    <Frame
      caption={`Mean probability of the own class as pixels go (a good map falls fast), or come into a mean image (a good map rises fast), in the order of each map. ${bounds ? "Bars: 95 % intervals over images. " : ""}Controls: a random order (broad, dashed) and an edge filter (dotted). ✗: fails a test.`}
      table={table}
    >
      <div class="pair">
        {[0, 1].map((side) => (
          <Side
            key={side}
            table={table}
            curves={curves}
            bounds={bounds}
            side={side}
            names={names}
          />
        ))}
      </div>
    </Frame>
  );
}

function Side({ side, names, ...given }: Given & { side: number; names: string[] }) {
  const doing = side ? "put in" : "removed",
    { parts } = useAudit().inputs;
  const make = useCallback(
    () => drawn(given, side, names, parts),
    [given.table, given.curves, side, names.join()],
  );
  return (
    <div>
      <h4>
        {capital(parts)} are {doing}
      </h4>
      <Chart label={`Probability of the own class as ${parts} are ${doing}`} make={make} />
    </div>
  );
}

function drawn(
  { table, curves, bounds }: Given,
  side: number,
  methods: string[],
  parts: string,
): Plot.PlotOptions {
  const steps = curves.shape[2],
    metric = side ? "insertion_auc" : "deletion_auc";
  const names = methods.map(
    (method) => nameOf(table, method) + (failed(table, method).length ? " ✗" : ""),
  );
  const end = (m: number, e: number) => bounds && part(bounds, m, side, e);
  const lines = methods.map((method, m) => {
    const [low, high] = [end(m, 0), end(m, 1)];
    return Array.from(
      part(curves, m, side),
      (chance, i): Point => ({
        name: names[m],
        method,
        share: i / (steps - 1),
        chance,
        i,
        lo: low?.[i] ?? NaN,
        hi: high?.[i] ?? NaN,
      }),
    );
  });
  const tipOf = ({ name, method, share, chance, lo, hi }: Point) => {
    const row = table.rows({ method, metric })[0];
    return [
      name,
      `${shown(Number((share * 100).toPrecision(3)))} % of the ${parts}: ${fixed(chance, 3)}${bounds ? ` [${fixed(lo, 3)}, ${fixed(hi, 3)}]` : ""}`,
      ...(row === undefined ? [] : ["area under the curve:", ...tested(table, row)]),
    ].join("\n");
  };
  const marked = lines.flatMap((line, m) => line.filter(({ i }) => (i + m) % 4 === 0));
  const at = { x: "share", y: "chance" } as const;
  const colours = methods.map((method, m) =>
    method === "random" ? "var(--soft)" : COLOURS[m % COLOURS.length],
  );
  return {
    height: 300,
    marginLeft: 44,
    grid: true,
    x: { label: `share of ${parts} ${side ? "put in" : "removed"}` },
    y: { label: "mean probability of the own class" },
    symbol: {
      domain: names,
      range: names.map((_, m) => SYMBOLS[m % SYMBOLS.length]),
      legend: true,
    },
    color: { domain: names, range: colours },
    marks: [
      ...lines.map((line, m) =>
        Plot.lineY(line, {
          ...at,
          stroke: colours[m],
          strokeWidth: methods[m] === "random" ? 3.5 : 1.5,
          strokeOpacity: methods[m] === "random" ? 0.5 : 1,
          strokeDasharray: { random: "7 5", edge: "1 4" }[methods[m]],
        }),
      ),
      Plot.ruleX(bounds ? marked : [], { x: "share", y1: "lo", y2: "hi", stroke: "name" }),
      Plot.dot(marked, { ...at, symbol: "name", stroke: "name", fill: "var(--paper)", r: 3.5 }),
      tip(lines.flat(), at, tipOf),
    ],
  };
}
