// One image with a site moved along a class's mean difference: logits by dose, beside random directions.

import { areaY, lineY, ruleX } from "@observablehq/plot";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { answered } from "../data";
import { Chart } from "../views/Chart";
import { useAudit } from "../views/context";
import { Frame, Pick } from "../views/Frame";
import { ask, type Looked, type Steered } from "./server";

const COLUMNS = [
  ["dose", "SD", "standard deviations of the examples' projections that the site is moved by"],
  ["logit", "logits", "logit of the class"],
  ["control", "logits", "mean over 20 random directions"],
  ["control_lo", "logits", "2.5 % quantile of the random directions"],
  ["control_hi", "logits", "97.5 % quantile of the random directions"],
] as const;

/** A curve, and what it was asked of: the reader may have chosen something else since. */
interface Curve {
  answer: Steered;
  label: number;
}

export function Steering({ site, image, found }: { site: string; image: unknown; found: Looked }) {
  const { classes } = useAudit().outline;
  const [name, setName] = useState(classes[0]);
  const [curve, setCurve] = useState<Curve | null>(null);
  const [dose, setDose] = useState(0),
    [trouble, setTrouble] = useState("");
  const label = classes.indexOf(name);
  useEffect(() => {
    let gone = false;
    ask<Steered>("steer", { image, site, class: label }).then(
      (answer) => {
        if (gone) return;
        setCurve({ answer, label });
        setTrouble("");
      },
      (e: Error) => {
        if (gone) return;
        setCurve(null);
        setTrouble(e.message);
      },
    );
    return () => {
      gone = true;
    };
  }, [found, site, label]);
  const of = useCallback(
    (numbers: number[][]) => numbers.map((logits) => logits[curve!.label]),
    [curve],
  );
  const make = useCallback(
    (width: number) => {
      const { doses, logits, control, control_lo, control_hi } = curve!.answer;
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
    [curve, dose],
  );
  const table = useMemo(() => {
    if (!curve) return undefined;
    const { doses, logits, control, control_lo, control_hi } = curve.answer,
      sides = [logits, control, control_lo, control_hi].map(of);
    return answered(
      "steering",
      `Logit of class ${classes[curve.label]} by dose at ${site}`,
      COLUMNS,
      doses.map((at, i) => [at, ...sides.map((side) => side[i])]),
    );
  }, [curve]);
  const doses = curve?.answer.doses ?? [],
    now = curve?.answer.logits[doses.indexOf(dose)] ?? found.logits;
  return (
    <>
      <h3>Steering site {site} along the mean difference of a class</h3>
      <p class="picks">
        <Pick name="class" from={classes} at={name} set={setName} />
        {curve && (
          <label class="pick">
            dose{" "}
            <input
              type="range"
              min={doses[0]}
              max={doses[doses.length - 1]}
              step={1}
              value={dose}
              onInput={(e) => setDose(Number(e.currentTarget.value))}
            />{" "}
            {dose} SD: the model says {classes[now.indexOf(Math.max(...now))]}
          </label>
        )}
      </p>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      {curve && (
        <Frame
          caption={`Logit of class ${classes[curve.label]} as this image's value at site ${site} is moved. Blue: along the mean difference of the class; grey: 20 random directions along which the examples vary, moved as far, their mean and 95 % of them (control). One image, so no interval.`}
          table={table}
        >
          <Chart label={`Logit of class ${classes[curve.label]} by dose`} make={make} />
        </Frame>
      )}
    </>
  );
}
