// What removing units did: accuracy of every class, predictions that change, confusions.

import { fixed, shown } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Cut, useSheet } from "./Cut";
import type { ClassRow, Estimate, Removed } from "./server";

const SHOWN = 40;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const between = (e: Estimate) => `[${fixed(100 * e.lo, 1)}, ${fixed(100 * e.hi, 1)}]`;

/** What a set of units did; numbers of a set that is no longer the chosen one are dimmed. */
export function Outcome({ found, edited, late }: { found: Removed; edited: boolean; late: boolean }) {
  return (
    <div class={late ? "late" : ""} aria-busy={late}>
      <Bars found={found} edited={edited} />
      {edited && <><Changed found={found} /><Confusion found={found} /></>}
    </div>
  );
}

function Bars({ found, edited }: { found: Removed; edited: boolean }) {
  return (
    <div class="wide">
      <table class="bars">
        <caption aria-live="polite">Accuracy on {found.n} {found.whole ? "" : "of the "}evaluation examples{found.whole ? "" : " (a stratified part; all follow)"}; in brackets 95 % intervals, of random sets the range of 95 % of them</caption>
        <thead><tr><th scope="col">class</th><th scope="col">accuracy</th><th scope="col">before</th><th scope="col">after</th><th scope="col">drop, points</th><th scope="col">random sets drop, points</th><th scope="col">p</th><th scope="col">n</th></tr></thead>
        <tbody>
          {some(found, found.classes.filter((row) => row.after)).map((row) => (
            <tr key={row.class}>
              <th scope="row">{row.class}</th>
              <td><span class="bar-of"><i style={{ width: `${100 * row.after!.value}%` }} /><b style={{ left: `${100 * row.before!.value}%` }} /></span></td>
              <td>{percent(row.before!.value)}</td>
              <td><strong>{percent(row.after!.value)}</strong> {between(row.after!)}</td>
              <td>{edited ? `${fixed(100 * row.drop!.value, 1)} ${between(row.drop!)}` : "–"}</td>
              <td>{row.random ? `${fixed(100 * row.random.value, 1)} ${between(row.random)} (${row.random.sets} sets)` : "–"}</td>
              <td>{row.random ? shown(Number(row.random.p.toPrecision(2))) : "–"}</td>
              <td>{row.n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Changed({ found }: { found: Removed }) {
  const { classes } = useAudit().outline;
  const sheet = useSheet(found.changed.map((one) => one.example));
  return (
    <>
      <h3>Predictions that change: {found.changes} of {found.n}{found.changed.length < found.changes && <small> {found.changed.length} of them, those that were right first</small>}</h3>
      <div class="strip">
        {found.changed.map((one, i) => {
          const label = `example ${one.example} of class ${classes[one.label]}`;
          return (
            <a key={one.example} class="change" title={label} href={to.draw(one.example)}>
              {sheet ? <Cut sheet={sheet} place={i} label={label} /> : <em>#{one.example}</em>}
              <small>{classes[one.before]} → {classes[one.after]}</small>
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
  const places = some(found, found.classes.slice(0, classes.length)).map((row) => found.classes.indexOf(row));
  return (
    <div class="wide">
      <table class="confusion">
        <caption>Examples by class (rows) and prediction (columns) without these units, n = {found.n}{places.length < classes.length && `, the ${places.length} classes that change most`}</caption>
        <thead><tr><th scope="col">class</th>{places.map((p) => <th scope="col" key={p}>{classes[p]}</th>)}</tr></thead>
        <tbody>
          {places.map((c) => {
            const total = Math.max(1, found.confusion[c].reduce((sum, count) => sum + count, 0));
            return (
              <tr key={c}>
                <th scope="row">{classes[c]}</th>
                {places.map((p) => {
                  const count = found.confusion[c][p], share = Math.sqrt(count / total) * (p === c ? 30 : 60);
                  return <td key={p} style={{ background: `color-mix(in srgb, ${p === c ? "#0072b2" : "#d55e00"} ${share}%, transparent)` }}>{count || ""}</td>;
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** All classes, or those whose accuracy changes most where there are very many. */
function some(found: Removed, rows: ClassRow[]): ClassRow[] {
  if (rows.length <= SHOWN) return rows;
  const change = (row: ClassRow) => Math.abs(row.drop?.value ?? 0);
  const kept = new Set([...rows].sort((a, b) => change(b) - change(a)).slice(0, SHOWN));
  return rows.filter((row) => kept.has(row) || row === found.classes[found.classes.length - 1]);
}
