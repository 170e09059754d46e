// What removing units did: accuracy of every class, predictions that change, confusions.

import { useMemo } from "preact/hooks";
import { answered } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Frame } from "../views/Frame";
import { fixed, shown } from "../wording";
import { Cut, useSheet } from "./Cut";
import type { ClassRow, Estimate, Removed } from "./server";

const SHOWN = 40;

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
export const between = (e: Estimate) => `[${fixed(100 * e.lo, 1)}, ${fixed(100 * e.hi, 1)}]`;

/** What a set of units did; numbers of a set that is no longer the chosen one are dimmed. */
export function Outcome({
  found,
  edited,
  late,
}: {
  found: Removed;
  edited: boolean;
  late: boolean;
}) {
  return (
    <div class={late ? "late" : ""} aria-busy={late}>
      <Bars found={found} edited={edited} />
      {edited && (
        <>
          <Changed found={found} />
          <Confusion found={found} />
        </>
      )}
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
] as const;
const three = (e?: Estimate) => [e?.value ?? null, e?.lo ?? null, e?.hi ?? null];

function Bars({ found, edited }: { found: Removed; edited: boolean }) {
  const rows = some(
    found,
    found.classes.filter((row) => row.after),
  );
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
        ]),
      ),
    [found],
  );
  return (
    <Frame
      caption="Bar: accuracy without the units; line: with every unit. In brackets 95 % intervals (Wilson; of the drop paired, Tango). Random sets: as many units of the same sites, the mean of their drops and the range of 95 % of them; p is one-sided, the share of the sets that drop the class as much, (1 + b) / (1 + B)."
      table={table}
    >
      <div class="wide">
        <table class="bars">
          <caption aria-live="polite">
            Accuracy on {found.whole ? "all" : "a stratified part of the"} evaluation examples, n ={" "}
            {found.n}
            {!found.whole && "; all follow"}
          </caption>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col">accuracy</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
              <th scope="col">drop, points</th>
              <th scope="col">random sets drop, points</th>
              <th scope="col">p</th>
              <th scope="col">n</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.class}>
                <th scope="row">{row.class}</th>
                <td>
                  <span class="bar-of">
                    <i style={{ width: `${100 * row.after!.value}%` }} />
                    <b style={{ left: `${100 * row.before!.value}%` }} />
                  </span>
                </td>
                <td>
                  {percent(row.before!.value)} {between(row.before!)}
                </td>
                <td>
                  <strong>{percent(row.after!.value)}</strong> {between(row.after!)}
                </td>
                <td>{edited ? `${fixed(100 * row.drop!.value, 1)} ${between(row.drop!)}` : "–"}</td>
                <td>
                  {row.random
                    ? `${fixed(100 * row.random.value, 1)} ${between(row.random)} (${row.random.sets} sets)`
                    : "–"}
                </td>
                <td>{row.random ? shown(Number(row.random.p.toPrecision(2))) : "–"}</td>
                <td>{row.n}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Frame>
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
