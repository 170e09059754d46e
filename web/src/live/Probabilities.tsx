// What the model says of one input: a bar a class, and beside it what it said before and how much that changed.

import { useAudit } from "../views/context";
import { fixed, shown } from "../wording";
import { axisOf, Difference, Ticks } from "./Difference";
import { percent } from "./Outcome";

const MOST = 12;

export interface Prediction {
  logits: number[];
  probabilities: number[];
  prediction: number;
}

/** Probabilities of logits. */
export function predictionOf(logits: number[]): Prediction {
  const most = Math.max(...logits),
    powers = logits.map((logit) => Math.exp(logit - most)),
    sum = powers.reduce((a, b) => a + b, 0);
  return {
    logits,
    probabilities: powers.map((power) => power / sum),
    prediction: logits.indexOf(most),
  };
}

export function Probabilities({
  now,
  before,
  what,
}: {
  now: Prediction;
  before?: Prediction;
  what: string;
}) {
  const { classes } = useAudit().outline;
  const change = (c: number) =>
    before ? 100 * (now.probabilities[c] - before.probabilities[c]) : 0;
  const weight = (c: number) => Math.max(now.probabilities[c], before?.probabilities[c] ?? 0);
  const every = classes.map((_, c) => c);
  const kept =
    classes.length > MOST ? [...every].sort((a, b) => weight(b) - weight(a)).slice(0, MOST) : every;
  const axis = axisOf(kept.map(change));
  return (
    <table class="bars predicted">
      <caption>
        <span aria-live="polite">{what}</span>
        {before && <small> Grey: before.</small>}
        {kept.length < classes.length && (
          <small>
            {" "}
            The {MOST} most probable of {classes.length} classes.
          </small>
        )}
      </caption>
      <thead>
        <tr>
          <th scope="col">class</th>
          <th scope="col" class="name">
            probability
            <span class="ticks">
              <i style={{ left: 0 }}>0</i>
              <i style={{ right: 0 }}>100 %</i>
            </span>
          </th>
          <th scope="col">{before ? "before → after" : "in %"}</th>
          {before && (
            <th scope="col" class="name">
              change, points
              <Ticks axis={axis} unit="points" />
            </th>
          )}
          <th scope="col" class="roomy">
            logit
          </th>
        </tr>
      </thead>
      <tbody>
        {kept.map((c) => (
          <tr key={c}>
            <th scope="row">{classes[c]}</th>
            <td class="name">
              <span class="twice">
                {before && <u style={{ width: `${100 * before.probabilities[c]}%` }} />}
                <i style={{ width: `${100 * now.probabilities[c]}%` }} />
              </span>
            </td>
            <td>
              {before && `${(100 * before.probabilities[c]).toFixed(1)} → `}
              <strong>{percent(now.probabilities[c])}</strong>
            </td>
            {before && (
              <td class="name">
                <Difference
                  axis={axis}
                  value={change(c)}
                  title={`class ${classes[c]}: ${fixed(change(c), 1)} points`}
                />
              </td>
            )}
            <td class="roomy">
              {before && `${shown(Number(before.logits[c].toPrecision(3)))} → `}
              {shown(Number(now.logits[c].toPrecision(3)))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
