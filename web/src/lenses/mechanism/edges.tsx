// Which units of a site act on which of the next: the strongest edges, site by site.

import { useMemo, useState } from "preact/hooks";
import { ranked, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { Edge, UnitNode } from "../../views/Graph";
import { Tip } from "../../views/Grid";
import { useFilters } from "../../views/Heat";
import { describe, shown } from "../../wording";
import type { View } from "..";
import { layers } from "./layers";

const COUNTS = [10, 20, 40, 80];
const HIGH = 420,
  APART = 27;
const EDGE = 34;

const Edges: View = ({ table }) => {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, ["class"]);
  const [count, setCount] = useState(20);
  const [now, setNow] = useState<{ row: number; x: number; y: number } | null>(null);
  const rows = useMemo(() => ranked(table, equal.class), [table, equal.class]);
  const kept = rows.slice(0, count),
    sure = (row: number) => table.number(row, "q") < 0.05;
  const random = table.rows(equal).filter((row) => table.cell(row, "kind") === "random");
  const ends = (row: number) => ({
    from: [audit.siteIndex(table.cell(row, "site_a")), table.number(row, "unit_a")] as [
      number,
      number,
    ],
    to: [audit.siteIndex(table.cell(row, "site_b")), table.number(row, "unit_b")] as [
      number,
      number,
    ],
  });
  const nodes = useMemo(() => layers(kept.map(ends)), [rows, count]);
  const wide = Math.max(280, Math.min(760, document.querySelector("main")!.clientWidth - 40));
  const fullest = Math.max(
    ...[...nodes.values()].map(
      (n) => [...nodes.values()].filter((other) => other.site === n.site).length,
    ),
    0,
  );
  const high = Math.max(HIGH, 34 + APART * fullest);
  const place = ({ x, y }: { x: number; y: number }) => ({
    x: EDGE + x * (wide - 2 * EDGE),
    y: 24 + y * (high - 34),
  });
  const usual = sizes(table, random),
    own = sizes(table, kept);
  const most = Math.max(...kept.map((row) => Math.abs(table.number(row, "effect"))), 1e-12);
  const sites = [...new Set([...nodes.values()].map((n) => n.site))];
  return (
    <Frame
      caption={`The ${kept.length} edges that are strongest on the selection split, of ${rows.length}, change the second unit by a median of ${shown(own.middle)} either way (half of them by ${shown(own.low)} to ${shown(own.high)})${usual.n ? `; ${usual.n} random pairs of units (control) by ${shown(usual.middle)}, 95 % of them by less than ${shown(usual.most)}: ${kept.filter((row) => Math.abs(table.number(row, "effect")) > usual.most).length} of the ${kept.length} by more. Size tells them apart, not significance: at q < 0.05 ${rows.filter(sure).length} of the ${rows.length} differ from zero, and ${random.filter(sure).length} of the ${usual.n} random pairs` : ""}. An edge: how far a unit at one site, put to its mean, moves a unit at the next, ${equal.class === "all" ? "over all examples" : `on class ${shown(equal.class)}`}. Orange, dashed: the second then holds less; blue, whole: more; width: how far. The sign says what the first did on these examples, not the sign of a weight: where it lies below its mean, putting it there raises it.`}
      table={table}
      rows={table.rows(equal)}
    >
      <p class="picks">
        {picks}
        <Pick name="edges" from={COUNTS} at={count} set={setCount} />
      </p>
      {!kept.length && (
        <p>This table holds no edges that were chosen for class {shown(equal.class)}.</p>
      )}
      {kept.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: no element of SVG says group
        <svg
          class="plot"
          role="group"
          aria-label={`${table.info.title}: the strongest edges`}
          width={wide}
          height={high}
          viewBox={`0 0 ${wide} ${high}`}
          onMouseLeave={() => setNow(null)}
        >
          {sites.map((site) => (
            <text
              key={site}
              x={place([...nodes.values()].find((n) => n.site === site)!).x}
              y={12}
              text-anchor="middle"
              font-size={11}
              fill="currentColor"
            >
              {short(shown(audit.outline.sites[site]))}
            </text>
          ))}
          {kept.map((row) => {
            const { from, to: end } = ends(row),
              effect = table.number(row, "effect");
            const [a, b] = [place(nodes.get(from.join("."))!), place(nodes.get(end.join("."))!)];
            return (
              <Edge
                key={row}
                path={`M${a.x} ${a.y}C${(a.x + b.x) / 2} ${a.y} ${(a.x + b.x) / 2} ${b.y} ${b.x} ${b.y}`}
                value={effect}
                share={Math.abs(effect) / most}
                lit={now?.row === row}
                over={(e) => setNow({ row, x: e.clientX, y: e.clientY })}
              />
            );
          })}
          {[...nodes.values()].map((node) => (
            <UnitNode
              key={`${node.site}.${node.unit}`}
              {...place(node)}
              unit={node.unit}
              label={`unit ${node.unit} of ${audit.outline.sites[node.site]}`}
              href={to.unit(node.site, node.unit)}
            />
          ))}
        </svg>
      )}
      {now && (
        <Tip
          lines={[
            edge(table, now.row),
            ...describe(table, now.row, "effect"),
            ...(usual.n
              ? [
                  `${usual.n} random pairs (control): ${shown(usual.middle)} either way, 95 % below ${shown(usual.most)}`,
                ]
              : []),
          ]}
          x={now.x}
          y={now.y}
        />
      )}
    </Frame>
  );
};

/** How large effects are, whatever their sign: the median, the middle half, and what 95 % stay below. */
export function sizes(
  table: Table,
  rows: number[],
): { n: number; low: number; middle: number; high: number; most: number } {
  const every = rows
    .map((row) => Math.abs(table.number(row, "effect")))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const [low, middle, high, most] = [0.25, 0.5, 0.75, 0.95].map((share) =>
    Number(every[Math.ceil(share * every.length) - 1]?.toPrecision(3) ?? NaN),
  );
  return { n: every.length, low, middle, high, most };
}

const short = (name: string) => (name.length > 14 ? `…${name.slice(-13)}` : name);
const edge = (table: Table, row: number) =>
  `${shown(table.cell(row, "site_a"))} unit ${shown(table.cell(row, "unit_a"))} on ${shown(table.cell(row, "site_b"))} unit ${shown(table.cell(row, "unit_b"))}`;

export default Edges;
