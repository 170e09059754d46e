// Move one input along a class's direction by a slider: the predictions follow, above examples that lie there by themselves.

import { areaY, lineY, ruleX } from "@observablehq/plot";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { answered } from "../data";
import { go, to } from "../route";
import { Chart } from "../views/Chart";
import { useAudit } from "../views/context";
import { Frame, Pick } from "../views/Frame";
import { fixed } from "../wording";
import { useAsked, useServer } from "./asking";
import { Bench, Refused } from "./Bench";
import { ExampleField, named, Shown } from "./Chosen";
import { Cut, useSheet } from "./Cut";
import { inputAt } from "./own";
import { Probabilities, predictionOf } from "./Probabilities";
import type { State, Steered } from "./server";
import { numberIn } from "./typed";

const COLUMNS = [
  ["dose", "SD", "standard deviations of the examples' projections that the site is moved by"],
  ["logit", "logits", "logit of the class"],
  ["control", "logits", "mean over 20 random directions"],
  ["control_lo", "logits", "2.5 % quantile of the random directions"],
  ["control_hi", "logits", "97.5 % quantile of the random directions"],
] as const;

export function Steer({ place, label }: { place: string; label: number }) {
  const [state, trouble] = useServer();
  return (
    <section class="card">
      <h2>
        Steer <small>along the direction of a class</small>
      </h2>
      <Refused why={trouble} />
      {state && <Steering state={state} place={place || "0"} first={label} />}
    </section>
  );
}

function Steering({ state, place, first }: { state: State; place: string; first: number }) {
  const audit = useAudit(),
    { classes } = audit.outline,
    one = audit.inputs.example;
  const [site, setSite] = useState(state.sites[state.sites.length - 1]);
  const [name, setName] = useState(classes[first] ?? classes[0]);
  const label = classes.indexOf(name);
  const [dose, setDose] = useState(0);
  const input = inputAt(place, state.examples, one);
  const found = useAsked<Steered>(
    "steer",
    typeof input === "string" ? null : { image: input, site, class: label },
  );
  const answer = found.answer;
  const at = answer ? nearest(answer.doses, dose) : 0;
  const before = answer && predictionOf(answer.logits[answer.doses.indexOf(0)]),
    now = answer && predictionOf(answer.logits[at]);
  return (
    <>
      <Bench
        seen={
          <>
            <Refused why={typeof input === "string" ? input : found.trouble} />
            {answer && now && before && typeof input !== "string" && (
              <div class={found.late ? "late" : ""} aria-busy={found.late}>
                <Probabilities
                  now={now}
                  before={before}
                  what={`Moved by ${fixed(answer.doses[at], 1)} SD, ${named(place, one)} is ${classes[now.prediction]}${now.prediction === before.prediction ? ", as without" : `; without: ${classes[before.prediction]}`}.`}
                />
              </div>
            )}
          </>
        }
      >
        <div class="two">
          <figure>
            <figcaption>
              <b>{named(place, one)}</b>
            </figcaption>
            {typeof input !== "string" && <Shown input={input} size={72} />}
          </figure>
          <ExampleField
            state={state}
            place={place}
            label="example"
            open={(n) => go(to.steer(n, first))}
          />
        </div>
        <p class="picks">
          <Pick name="towards class" from={classes} at={name} set={setName} />
          <Pick name="site" from={state.sites} at={site} set={setSite} />
        </p>
        {answer && <Strip answer={answer} dose={answer.doses[at]} name={name} set={setDose} />}
      </Bench>
      {answer && (
        <div class={found.late ? "late" : ""}>
          <Curve answer={answer} label={label} site={site} dose={answer.doses[at]} />
        </div>
      )}
    </>
  );
}

const nearest = (doses: number[], dose: number) =>
  doses.reduce((best, d, i) => (Math.abs(d - dose) < Math.abs(doses[best] - dose) ? i : best), 0);

/** Evaluation examples in the order of the direction, and below them the slider that moves the input to their places. */
function Strip({
  answer,
  dose,
  name,
  set,
}: {
  answer: Steered;
  dose: number;
  name: string;
  set: (dose: number) => void;
}) {
  const audit = useAudit(),
    { classes } = audit.outline;
  const { doses, strip, own, ends } = answer;
  const there = strip.filter((frame) => frame.place !== null);
  const sheet = useSheet(there.map((frame) => frame.place!));
  const [text, setText] = useState(String(dose));
  const [why, setWhy] = useState("");
  useEffect(() => setText(fixed(dose, dose % 1 ? 1 : 0)), [dose]);
  const last = doses[doses.length - 1];
  const typed = () => {
    const number = numberIn(text, { what: "A dose", low: doses[0], high: last });
    if (typeof number === "string")
      return setWhy(number.replace(", as in the data", "standard deviations".padStart(20)));
    setWhy("");
    set(doses[nearest(doses, number)]);
  };
  return (
    <Frame
      name="steering strip"
      caption={`Evaluation ${audit.inputs.examples} that lie by themselves where the slider moves this one: each is the nearest to its place along the mean difference of class ${name}, in standard deviations (SD) of the examples' projections. An empty frame is a place where no example lies within half of one: there the model is asked about what it never sees.`}
    >
      <div class="steering">
        <div class="frames">
          {strip.map((frame) => {
            const words =
              frame.place === null
                ? `no example lies at ${frame.dose} SD`
                : `example ${frame.place} of class ${classes[frame.label!]}, at ${frame.dose} SD`;
            return (
              <button
                type="button"
                key={frame.dose}
                title={words}
                aria-label={`${words}: move there`}
                class={frame.dose === Math.round(dose) ? "frame here" : "frame"}
                onClick={() => set(frame.dose)}
              >
                {frame.place === null ? (
                  <em />
                ) : sheet ? (
                  <Cut sheet={sheet} place={there.indexOf(frame)} label={words} size={32} />
                ) : (
                  <em>{classes[frame.label!]}</em>
                )}
              </button>
            );
          })}
        </div>
        <div class="rail">
          <input
            type="range"
            aria-label="dose in standard deviations"
            min={doses[0]}
            max={last}
            step={doses[1] - doses[0]}
            value={dose}
            onInput={(e) => set(Number(e.currentTarget.value))}
          />
          <span class="ticks">
            <i style={{ left: 0 }}>{fixed(doses[0], 0)} SD</i>
            <i style={{ left: "50%", translate: "-50%" }}>0</i>
            <i style={{ right: 0 }}>+{last} SD</i>
          </span>
        </div>
      </div>
      <form
        class="tools"
        onSubmit={(e) => {
          e.preventDefault();
          typed();
        }}
      >
        <label>
          dose in SD{" "}
          <input
            class="short"
            inputMode="decimal"
            value={text}
            onInput={(e) => setText(e.currentTarget.value)}
            onBlur={typed}
          />
        </label>
        <button type="button" onClick={() => set(0)}>
          back to 0
        </button>
        <span>
          It lies {fixed(Math.abs(own), 1)} SD {own < 0 ? "below" : "above"} the examples' mean;
          examples lie at doses from {fixed(ends[0], 1)} to {ends[1] > 0 ? "+" : ""}
          {fixed(ends[1], 1)} SD.
        </span>
      </form>
      <Refused why={why} />
    </Frame>
  );
}

/** The class's logit by dose, beside random directions. */
function Curve({
  answer,
  label,
  site,
  dose,
}: {
  answer: Steered;
  label: number;
  site: string;
  dose: number;
}) {
  const { classes } = useAudit().outline;
  const of = useCallback((numbers: number[][]) => numbers.map((logits) => logits[label]), [label]);
  const make = useCallback(
    (width: number) => {
      const { doses, logits, control, control_lo, control_hi } = answer;
      return {
        width,
        height: 240,
        x: { label: "dose in standard deviations of the examples' projections" },
        y: { label: "logit of the class", grid: true },
        marks: [
          ruleX([dose], { strokeDasharray: "3 3" }),
          areaY(doses, {
            x: doses,
            y1: of(control_lo),
            y2: of(control_hi),
            fill: "currentColor",
            fillOpacity: 0.18,
          }),
          lineY(doses, {
            x: doses,
            y: of(control),
            stroke: "currentColor",
            strokeOpacity: 0.6,
            strokeDasharray: "4 3",
          }),
          lineY(doses, { x: doses, y: of(logits), stroke: "var(--link)", strokeWidth: 2 }),
        ],
      };
    },
    [answer, of, dose],
  );
  const table = useMemo(() => {
    const { doses, logits, control, control_lo, control_hi } = answer,
      sides = [logits, control, control_lo, control_hi].map(of);
    return answered(
      "steering",
      `Logit of class ${classes[label]} by dose at ${site}`,
      COLUMNS,
      doses.map((at, i) => [at, ...sides.map((side) => side[i])]),
    );
  }, [answer, of]);
  return (
    <Frame
      caption={`Logit of class ${classes[label]} as this image's value at ${site} is moved. Blue: along the mean difference of the class; grey: 20 random directions along which the examples vary, moved as far, their mean and 95 % of them (control). One image, so no interval.`}
      table={table}
    >
      <Chart label={`Logit of class ${classes[label]} by dose`} make={make} />
    </Frame>
  );
}
