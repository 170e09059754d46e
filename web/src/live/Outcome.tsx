// What removing units did: accuracy of every class, predictions that change, confusions.

import { useMemo, useState } from "preact/hooks";
import { answered } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Frame } from "../views/Frame";
import { fixed, shown } from "../wording";
import { Cut, useSheet } from "./Cut";
import { type Axis, axisOf, closer, Difference, Ticks } from "./Difference";
import type { ClassRow, Estimate, Removed } from "./server";

const SHOWN = 12;

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
export const between = (e: Estimate) => `[${fixed(100 * e.lo, 1)}, ${fixed(100 * e.hi, 1)}]`;

/** What a set of units did to every class; numbers of a set that is no longer the chosen one are dimmed. */
export function Effect({
  found,
  units,
  late,
  tried,
}: {
  found: Removed;
  units: number;
  late: boolean;
  /** How many sets the reader has tried on this page. */
  tried: number;
}) {
  return (
    <div class={late ? "late" : ""} aria-busy={late}>
      <Bars found={found} units={units} tried={tried} />
    </div>
  );
}

/** Examples whose prediction changes, and what classes are taken for. */
export function Outcome({ found, late }: { found: Removed; late: boolean }) {
  return (
    <div class={late ? "late" : ""} aria-busy={late}>
      <Changed found={found} />
      <Confusion found={found} />
    </div>
  );
}

const COLUMNS = [
  ["class", null, "class of the examples"],
  ["n", "examples", "evaluation examples of the class"],
  ["before", "share", "accuracy with every unit"],
  ["before_lo", "share", "lower end of its 95 % interval (Wilson)"],
  ["before_hi", "share", "upper end"],
  ["after", "share", "accuracy without the units"],
  ["after_lo", "share", "lower end of its 95 % interval (Wilson)"],
  ["after_hi", "share", "upper end"],
  ["drop", "share", "before minus after"],
  ["drop_lo", "share", "lower end of its 95 % interval (paired; Tango)"],
  ["drop_hi", "share", "upper end"],
  ["random_drop", "share", "mean drop over random sets of as many units of the same sites"],
  ["random_lo", "share", "2.5 % of the sets drop less"],
  ["random_hi", "share", "2.5 % of the sets drop more"],
  ["sets", "sets", "random sets"],
  ["p", "", "one-sided: share of the random sets that drop the class as much, (1 + b) / (1 + B)"],
  ["q", "", "false discovery rate among the classes of this set (Benjamini-Hochberg)"],
] as const;
const three = (e?: Estimate) => [e?.value ?? null, e?.lo ?? null, e?.hi ?? null];

/** Few sets are all of them, and then p can't be small; told in words. */
function few(found: Removed, units: number): string {
  const others = found.classes[found.classes.length - 1].random?.sets;
  if (!found.every) return "";
  if (!others)
    return "There is no other set of as many units of these sites, so nothing to compare it with.";
  return `${others + 1} sets of ${units} ${units === 1 ? "unit" : "units"} exist here, this one among them: p can't be below ${shown(Number((1 / (others + 1)).toPrecision(2)))}${others < 19 ? ", so no class's loss can be significant" : ""}.`;
}

/** What changed most, in a sentence. */
function lead(found: Removed): string {
  const own = found.classes.slice(0, -1).filter((row) => row.drop && row.before && row.after),
    whole = found.classes[found.classes.length - 1];
  const most = own.reduce<ClassRow | null>(
    (a, b) => (a && Math.abs(a.drop!.value) >= Math.abs(b.drop!.value) ? a : b),
    null,
  );
  const worded = (row: ClassRow) =>
    `${(100 * row.before!.value).toFixed(1)} → ${percent(row.after!.value)}`;
  const all = whole.before && whole.after ? `all classes: ${worded(whole)}` : "";
  if (!most || !most.drop!.value) return `No class's accuracy changes; ${all}.`;
  return `Class ${most.class} changes most: ${worded(most)}; ${all}.`;
}

const ends = (e: Estimate) => [-100 * e.hi, -100 * e.lo];

function Bars({ found, units, tried }: { found: Removed; units: number; tried: number }) {
  const edited = units > 0;
  const rows = some(
    found,
    found.classes.filter((row) => row.after),
  );
  const [near, setNear] = useState(false);
  const own = edited ? rows.flatMap(({ drop }) => (drop ? ends(drop) : [])) : [];
  const whole = axisOf([...own, ...rows.flatMap(({ random }) => (random ? ends(random) : []))]);
  const close = closer(whole, own),
    axis = (near && close) || whole;
  const table = useMemo(
    () =>
      answered(
        "playground",
        "Accuracy without the chosen units",
        COLUMNS,
        found.classes.map((row) => [
          row.class,
          row.n,
          ...three(row.before),
          ...three(row.after),
          ...three(row.drop),
          ...three(row.random),
          row.random?.sets ?? null,
          row.random?.p ?? null,
          row.random?.q ?? null,
        ]),
      ),
    [found],
  );
  const sets = found.classes[found.classes.length - 1].random?.sets;
  const least = few(found, units);
  return (
    <Frame
      caption={`Bar: accuracy without the units minus accuracy with every unit, in points on the axis at its head; line: its 95 % interval (paired, Tango); grey: the range of 95 % of random sets of as many units of the same sites${sets ? ` (${sets} sets${found.every ? ", which are all that there are" : ""})` : ""}. An arrow at the edge of the closer axis: the bar goes on. p is one-sided, the share of the sets that drop the class as much, (1 + b) / (1 + B); q is that among the classes of this set (Benjamini-Hochberg), and doesn't count other sets that you try. The table has every interval.`}
      table={table}
    >
      <table class="bars effect">
        <caption>
          <span aria-live="polite">
            {edited
              ? lead(found)
              : "Nothing is removed: choose units on the map, or one of the sets."}
          </span>{" "}
          <small>
            On {found.whole ? "all" : "a stratified part of the"} evaluation examples, n = {found.n}
            {!found.whole && "; all follow"}
            {sets ? `, beside ${found.every ? `all ${sets} other` : `${sets} random`} sets` : ""}
            {rows.length < found.classes.length &&
              `; the ${rows.length - 1} classes that change most, of ${found.classes.length - 1}`}
          </small>
        </caption>
        <thead>
          <tr>
            <th scope="col">class</th>
            {edited && (
              <th scope="col" class="name">
                change, points
                <Ticks axis={axis} unit="points" />
              </th>
            )}
            <th scope="col">{edited ? "accuracy" : "accuracy [95 % interval]"}</th>
            {edited && (
              <>
                <th scope="col">change</th>
                <th scope="col" class="roomy">
                  p
                </th>
                <th scope="col" class="roomy">
                  q
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.class} row={row} edited={edited} axis={axis} />
          ))}
        </tbody>
      </table>
      {close && (
        <p class="tools">
          <button type="button" aria-pressed={near} onClick={() => setNear(!near)}>
            {near ? "the whole axis" : `closer: ±${close.high} points`}
          </button>
          {near && "an arrow: the bar goes on beyond the axis"}
        </p>
      )}
      {least && <p class="note">{least}</p>}
      {edited && tried > 1 && (
        <p class="note">
          You have tried {tried} sets: q counts the classes of this one, and not the sets.
        </p>
      )}
    </Frame>
  );
}

const two = (p?: number) => (p === undefined ? "–" : shown(Number(p.toPrecision(2))));

function Row({ row, edited, axis }: { row: ClassRow; edited: boolean; axis: Axis }) {
  const { before, after, drop, random } = row;
  if (!edited)
    return (
      <tr>
        <th scope="row">{row.class}</th>
        <td>
          <strong>{percent(after!.value)}</strong> {between(after!)}
        </td>
      </tr>
    );
  const turned = (e: Estimate) => ({ value: -e.value, lo: -e.hi, hi: -e.lo });
  const points = (e: Estimate) => ({ lo: -100 * e.hi, hi: -100 * e.lo });
  const change = turned(drop!),
    usual = random && turned(random);
  const title = `class ${row.class}: ${percent(before!.value)} ${between(before!)} → ${percent(after!.value)} ${between(after!)}, change ${fixed(100 * change.value, 1)} points ${between(change)}${usual ? `; ${random.sets} random sets: ${fixed(100 * usual.value, 1)} ${between(usual)}, p = ${two(random.p)}${random.q === undefined ? "" : `, q = ${two(random.q)}`}` : ""}; n = ${row.n}`;
  return (
    <tr title={title}>
      <th scope="row">{row.class}</th>
      <td class="name">
        <Difference
          axis={axis}
          value={100 * change.value}
          interval={points(drop!)}
          random={random && points(random)}
          title={title}
        />
      </td>
      <td>
        {(100 * before!.value).toFixed(1)} → <strong>{percent(after!.value)}</strong>
      </td>
      <td>
        {change.value > 0 ? "+" : ""}
        {fixed(100 * change.value, 1)} <small class="roomy">{between(change)}</small>
      </td>
      <td class="roomy">{two(random?.p)}</td>
      <td class="roomy">{two(random?.q)}</td>
    </tr>
  );
}

function Changed({ found }: { found: Removed }) {
  const { classes } = useAudit().outline;
  const sheet = useSheet(found.changed.map((one) => one.example));
  return (
    <>
      <h3>
        Predictions that change: {found.changes} of {found.n}
        {found.changed.length < found.changes && (
          <small>; shown are {found.changed.length}, those that were right first</small>
        )}
      </h3>
      <div class="strip">
        {found.changed.map((one, i) => {
          const label = `example ${one.example} of class ${classes[one.label]}`;
          return (
            <a key={one.example} class="change" title={label} href={to.draw(one.example)}>
              {sheet ? <Cut sheet={sheet} place={i} label={label} /> : <em>#{one.example}</em>}
              <small>
                {classes[one.before]} → {classes[one.after]}
              </small>
            </a>
          );
        })}
      </div>
    </>
  );
}

/** Rows are shares of their class, so that rare classes are seen; full blue and orange are all of it. */
function Confusion({ found }: { found: Removed }) {
  const { classes } = useAudit().outline;
  const places = some(found, found.classes.slice(0, classes.length)).map((row) =>
    found.classes.indexOf(row),
  );
  const table = useMemo(() => {
    const rows = found.confusion.flatMap((counts, c) =>
      counts.flatMap((count, p) =>
        count || found.intact[c][p] ? [[classes[c], classes[p], count, found.intact[c][p]]] : [],
      ),
    );
    return answered(
      "confusion",
      "Predictions without the chosen units",
      [
        ["class", null, "class of the examples"],
        ["prediction", null, "class that they are taken for"],
        ["after", "examples", "without the units"],
        ["before", "examples", "with every unit"],
      ],
      rows,
    );
  }, [found]);
  return (
    <Frame
      caption={`Examples by class (rows) and prediction (columns) without these units, n = ${found.n}; small: how many more or fewer than with every unit. Colour: share of the class, blue where it is right, orange where it isn't (the square root)${places.length < classes.length ? `. The ${places.length} classes that change most` : ""}.`}
      table={table}
    >
      <div class="wide">
        <table class="confusion">
          <thead>
            <tr>
              <th scope="col">class</th>
              {places.map((p) => (
                <th scope="col" key={p}>
                  {classes[p]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {places.map((c) => {
              const total = Math.max(
                1,
                found.confusion[c].reduce((sum, count) => sum + count, 0),
              );
              return (
                <tr key={c}>
                  <th scope="row">{classes[c]}</th>
                  {places.map((p) => {
                    const count = found.confusion[c][p],
                      more = count - found.intact[c][p],
                      share = Math.sqrt(count / total) * (p === c ? 30 : 60);
                    return (
                      <td
                        key={p}
                        style={{
                          background: `color-mix(in srgb, ${p === c ? "#0072b2" : "#d55e00"} ${share}%, transparent)`,
                        }}
                      >
                        {count || more ? count : ""}
                        {more !== 0 && <small> {shown(more, true)}</small>}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Frame>
  );
}

/** All classes, or those whose accuracy changes most where there are very many. */
function some(found: Removed, rows: ClassRow[]): ClassRow[] {
  if (rows.length <= SHOWN) return rows;
  const change = (row: ClassRow) => Math.abs(row.drop?.value ?? 0);
  const kept = new Set([...rows].sort((a, b) => change(b) - change(a)).slice(0, SHOWN));
  return rows.filter((row) => kept.has(row) || row === found.classes[found.classes.length - 1]);
}
