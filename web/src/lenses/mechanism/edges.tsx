// The flow of evidence: an input, the units that carry it layer by layer, and the classes that it ends in.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Audit, casesOf, type Table, typicalOf } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { Edge } from "../../views/Graph";
import { Tip } from "../../views/Grid";
import { type Part, Thumb } from "../../views/Picture";
import { describe, layer, shown } from "../../wording";
import type { View } from "..";
import { firstOf } from "../parts";
import { type Link, linksOf, sitesOf } from "./_links";
import { layers } from "./layers";

const [HEAD, FOOT] = [40, 8];

/** How much room a thumbnail takes, by what the inputs are: pictures are square, texts are wide. */
const sizeOf = (kind: string, narrow: boolean): [wide: number, high: number] =>
  kind === "image" ? [36, 36] : kind === "tokens" ? [narrow ? 74 : 130, 42] : [56, 32];

interface Choice {
  label: number;
  example?: number;
}

const Flow: View = ({ table }) => {
  const audit = useAudit();
  const names = audit.outline.classes;
  const first = useMemo(() => [-1, ...names.keys()].slice(0, 41), [audit]);
  const [{ label, example }, choose] = useState<Choice>({ label: -1 });
  const cases = useMemo(() => ofClass(audit, label), [label]);
  return (
    <Picked
      key={`${label} ${example}`}
      table={table}
      label={label}
      example={example}
      picks={
        <>
          <Pick
            name="class"
            from={first}
            at={label}
            set={(label) => choose({ label })}
            word={(i) => (i < 0 ? "every class" : names[i])}
          />
          {cases.length > 0 && (
            <Pick
              name={audit.inputs.examples}
              from={[-1, ...cases.map(([, e]) => e)]}
              at={example ?? -1}
              set={(e) => choose({ label, example: e < 0 ? undefined : e })}
              word={(e) =>
                e < 0 ? `all ${audit.inputs.examples}` : cases.find(([, own]) => own === e)![0]
              }
            />
          )}
        </>
      }
    />
  );
};

/** Single examples of a class that lenses tell of. */
function ofClass(audit: Audit, label: number): [string, number][] {
  const found = new Map<number, string>();
  for (const table of casesOf(audit))
    for (const row of table.rows({ label: audit.outline.classes[label] ?? "" }))
      found.set(
        table.number(row, "example"),
        `one: ${shown(table.cell(row, "kind"))} (#${shown(table.cell(row, "example"))})`,
      );
  return [...found].map(([example, words]) => [words, example]);
}

/** The flow to one class, or of one image; to every class where the label is below 0. */
export function Picked({
  table,
  label,
  example,
  picks,
}: Choice & { table: Table; picks?: ComponentChildren }) {
  const audit = useAudit(),
    { classes } = audit.outline;
  const room = Math.max(280, Math.min(920, document.querySelector("main")!.clientWidth - 40));
  const [wide, high] = sizeOf(audit.inputs.kind, room < 600);
  const step = high + 18;
  const every = useMemo(() => sitesOf(audit, table), [table]);
  const fit = Math.max(2, Math.floor((room - 2 * wide) / (wide + 28)) - 1);
  const [from, setFrom] = useState(Math.max(0, every.length - fit));
  const sites = every.slice(from, from + fit);
  const several = label < 0;
  const shownClasses = several ? [...classes.keys()].slice(0, 20) : [label];
  const links = useMemo(
    () => linksOf(audit, table, sites, { classes: shownClasses, example }),
    [from],
  );
  const [now, setNow] = useState<{ link: Link; x: number; y: number } | null>(null);
  const beyond = audit.outline.sites.length;
  const nodes = useMemo(() => layers(links, beyond), [links]);
  const inColumn = (site: number) => [...nodes.values()].filter((n) => n.site === site);
  const columns = [...sites.filter((site) => inColumn(site).length), beyond];
  const tall = Math.max(
    several ? Math.ceil(shownClasses.length / 2) : 1,
    ...columns.map((c) => inColumn(c).length),
  );
  const height = HEAD + FOOT + step * tall;
  const begin = several ? 2 * 28 + 34 : wide + 34;
  const apart = (room - begin - wide) / Math.max(1, columns.length - 1);
  const place = ({ site, y }: { site: number; y: number }) => ({
    x: begin + (columns.length > 1 ? columns.indexOf(site) * apart : room - begin - wide),
    y: HEAD + y * step * tall - high / 2 - 8,
  });
  const most = new Map<Table, number>();
  for (const { table, size } of links) most.set(table, Math.max(most.get(table) ?? 0, size));
  const random = table.rows({ kind: "random" });
  const usual = sizes(table, random);
  const read = readings(audit, example);
  const inputs =
    example === undefined
      ? shownClasses.map((i) => typicalOf(audit, i))
      : [audit.images?.examples.indexOf(example) ?? -1];
  const tell = (link: Link) => (e: MouseEvent) => setNow({ link, x: e.clientX, y: e.clientY });
  const rows = links.filter((l) => l.table === table).map((l) => l.row);
  return (
    <Frame
      caption={`Without the unit at its left end, what a line leads to holds less (orange, dashed) or more (blue); its width is how far. ${example === undefined ? "Units are those that classes need most, by the selection split." : "Units are those that change this image's score most; in quotes, what a probe reads there."}${usual.n ? ` Random pairs move each other by a median of ${shown(usual.middle)} SD.` : ""} Numbers, intervals and n are under the pointer and in the list.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        {every.length > fit && (
          <Pick
            name="layers"
            from={[...every.keys()].filter(
              (i) => i === from || (i % (fit - 1) === 0 && i + fit <= every.length),
            )}
            at={from}
            set={setFrom}
            word={(i) =>
              `${layer(audit.outline.sites[every[i]])} to ${layer(audit.outline.sites[every[Math.min(every.length, i + fit) - 1]])}`
            }
          />
        )}
      </p>
      {!links.length && <p>This page holds no unit that was chosen for it.</p>}
      {links.length > 0 && (
        // biome-ignore lint/a11y/noStaticElementInteractions: the list below tells it without a pointer
        <div
          class="evidence-flow"
          style={{ width: `${room}px`, height: `${height}px` }}
          onMouseLeave={() => setNow(null)}
        >
          {/* biome-ignore lint/a11y/useSemanticElements: no element of SVG says group */}
          <svg
            role="group"
            aria-label={`${table.info.title}: from the input to ${several ? "every class" : `class ${classes[label]}`}`}
            width={room}
            height={height}
            viewBox={`0 0 ${room} ${height}`}
          >
            {columns
              .slice(0, 1)
              .flatMap((site) =>
                inColumn(site).map((node) => (
                  <line
                    key={node.unit}
                    x1={begin - 30}
                    y1={HEAD + (step * tall) / 2 - 8}
                    x2={place(node).x}
                    y2={place(node).y + high / 2}
                    stroke="var(--line)"
                  />
                )),
              )}
            {links.map((link) => {
              const [a, b] = [link.from, link.to].map((end) => place(nodes.get(end.join("."))!));
              const [x, y, u, v] = [a.x + wide, a.y + high / 2, b.x, b.y + high / 2],
                middle = (x + u) / 2;
              return (
                <Edge
                  key={`${link.from} ${link.to}`}
                  path={`M${x} ${y}C${middle} ${y} ${middle} ${v} ${u} ${v}`}
                  value={link.table.number(link.row, link.value)}
                  share={link.size / (most.get(link.table) || 1)}
                  lit={now?.link === link}
                  over={tell(link)}
                />
              );
            })}
          </svg>
          <span
            class="inputs"
            style={{ top: `${HEAD - 8}px`, width: `${begin - 34}px`, height: `${step * tall}px` }}
          >
            {inputs
              .filter((at) => at >= 0)
              .map((at) => (
                <Thumb
                  key={at}
                  place={at}
                  size={several ? 26 : wide}
                  words={`a typical ${audit.inputs.example}`}
                />
              ))}
          </span>
          <span class="column" style={{ left: 0 }}>
            {example === undefined ? "input" : `#${example}`}
          </span>
          {columns.map((site) => (
            <span
              key={site}
              class="column"
              style={{ left: `${place({ site, y: 0 }).x - 12}px`, width: `${wide + 24}px` }}
            >
              {site === beyond ? "class" : layer(audit.outline.sites[site])}
              {read.get(site === beyond ? "output" : audit.outline.sites[site])}
            </span>
          ))}
          {[...nodes.values()].map((node) => {
            const { x, y } = place(node),
              end = node.site === beyond;
            return (
              <a
                key={`${node.site}.${node.unit}`}
                class="node"
                href={end ? to.class(node.unit) : to.unit(node.site, node.unit)}
                style={{ left: `${x}px`, top: `${y}px`, width: `${wide}px` }}
              >
                <Face audit={audit} {...node} end={end} size={wide} high={high} />
                <small>{end ? classes[node.unit] : node.unit}</small>
              </a>
            );
          })}
        </div>
      )}
      <p class="ends">
        Without a unit, what its line leads to holds{" "}
        <span style={{ color: "var(--warn)" }}>less (orange, dashed)</span> or{" "}
        <span style={{ color: "var(--link)" }}>more (blue)</span>.
      </p>
      <details>
        <summary>{links.length} lines in words</summary>
        <ul>
          {links.map((link) => (
            <li key={`${link.from} ${link.to}`}>{linesOf(audit, link).join(", ")}</li>
          ))}
        </ul>
      </details>
      {now && <Tip lines={linesOf(audit, now.link)} x={now.x} y={now.y} />}
    </Frame>
  );
}

/** What a linear probe reads of one example at each site. */
function readings(audit: Audit, example?: number): Map<string, string> {
  const found = new Map<string, string>(),
    table = example === undefined ? undefined : audit.table("mechanism.paths");
  for (const row of table?.rows({ example: example! }) ?? [])
    found.set(String(table!.cell(row, "site")), `: “${shown(table!.cell(row, "read"))}”`);
  return found;
}

/** The picture of a unit or a class: an example of it. */
function Face({
  audit,
  site,
  unit,
  end,
  size,
  high,
}: {
  audit: Audit;
  site: number;
  unit: number;
  end: boolean;
  size: number;
  high: number;
}) {
  const name = audit.outline.sites[site];
  const part: Part | undefined = end
    ? { place: typicalOf(audit, unit) }
    : firstOf((own) => own.emblem?.(audit, { site: name, unit }));
  const words = end ? `class ${audit.outline.classes[unit]}` : `unit ${unit} of ${name}`;
  return (
    <span class="face" style={{ height: `${high}px` }}>
      {part && part.place >= 0 ? (
        <Thumb {...part} size={size} words={words} />
      ) : (
        <span class="sr">{words}</span>
      )}
    </span>
  );
}

/** A line's ends, and its number with what stands behind it. */
function linesOf(audit: Audit, { from, to, table, row, value }: Link): string[] {
  const name = ([site, unit]: [number, number]) =>
    site === audit.outline.sites.length
      ? `class ${audit.outline.classes[unit]}`
      : `${layer(audit.outline.sites[site])}·${unit}`;
  return [`${name(from)} on ${name(to)}`, ...describe(table, row, value)];
}

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

// a model with one hidden site has no links, but units that classes need
Flow.rowless = true;

export default Flow;
