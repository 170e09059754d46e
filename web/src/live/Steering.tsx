// One image with a site moved along a class's mean difference: logits by dose, beside random directions.

import { areaY, lineY, ruleX } from "@observablehq/plot";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Chart } from "../views/Chart";
import { useAudit } from "../views/context";
import { Pick } from "../views/Frame";
import { ask, type Looked, type Steered } from "./server";

export function Steering({ site, image, found }: { site: string; image: unknown; found: Looked }) {
  const { classes } = useAudit().outline;
  const [name, setName] = useState(classes[0]);
  const [curve, setCurve] = useState<Steered | null>(null);
  const [dose, setDose] = useState(0), [trouble, setTrouble] = useState("");
  const label = classes.indexOf(name);
  useEffect(() => {
    let gone = false;
    ask<Steered>("steer", { image, site, class: label }).then((told) => gone || (setCurve(told), setTrouble("")), (e: Error) => gone || (setCurve(null), setTrouble(e.message)));
    return () => {
      gone = true;
    };
  }, [found, site, label]);
  const make = useCallback((width: number) => {
    const of = (numbers: number[][]) => numbers.map((logits) => logits[label]);
    const { doses, logits, control, control_lo, control_hi } = curve!;
    return {
      width, height: 240,
      x: { label: "dose in standard deviations of the examples' projections" }, y: { label: "logit of the class", grid: true },
      marks: [
        ruleX([dose], { strokeDasharray: "3 3" }),
        areaY(doses, { x: doses, y1: of(control_lo), y2: of(control_hi), fill: "currentColor", fillOpacity: 0.18 }),
        lineY(doses, { x: doses, y: of(control), stroke: "currentColor", strokeOpacity: 0.6, strokeDasharray: "4 3" }),
        lineY(doses, { x: doses, y: of(logits), stroke: "var(--link)", strokeWidth: 2 }),
      ],
    };
  }, [curve, label, dose]);
  const now = curve?.logits[curve.doses.indexOf(dose)] ?? found.logits;
  return (
    <>
      <h3>Steering {site} along the mean difference of a class</h3>
      <p class="picks">
        <Pick name="class" from={classes} at={name} set={setName} />
        {curve && <label class="pick">dose <input type="range" min={curve.doses[0]} max={curve.doses[curve.doses.length - 1]} step={1} value={dose} onInput={(e) => setDose(Number(e.currentTarget.value))} /> {dose} SD: the model says {classes[now.indexOf(Math.max(...now))]}</label>}
      </p>
      {trouble && <p class="caveat" role="alert">{trouble}</p>}
      {curve && <>
      <Chart label={`Logit of class ${name} by dose`} make={make} />
      <p class="pick">Blue: along the mean difference; grey: 20 random directions along which the examples vary, moved as far, their mean and 95 % of them (control). One image, so no interval.</p>
      </>}
    </>
  );
}
