// One image with a site moved along a class's mean difference: logits by dose, beside a random direction.

import { line, ruleX } from "@observablehq/plot";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Chart } from "../views/Chart";
import { useAudit } from "../views/context";
import { Pick } from "../views/Frame";
import { ask, type Looked, type Steered } from "./server";

export function Steering({ site, image, found }: { site: string; image: unknown; found: Looked }) {
  const { classes } = useAudit().outline;
  const [name, setName] = useState(classes[0]);
  const [curve, setCurve] = useState<Steered | null>(null);
  const [dose, setDose] = useState(0);
  const label = classes.indexOf(name);
  useEffect(() => {
    let gone = false;
    ask<Steered>("steer", { image, site, class: label }).then((told) => gone || setCurve(told), () => gone || setCurve(null));
    return () => {
      gone = true;
    };
  }, [found, site, label]);
  const make = useCallback((width: number) => {
    const points = curve!.doses.flatMap((d, i) => [{ dose: d, logit: curve!.logits[i][label], way: "along it" }, { dose: d, logit: curve!.control[i][label], way: "random direction" }]);
    return {
      width, height: 240, color: { legend: true, domain: ["along it", "random direction"], range: ["#0072b2", "#8c959f"] },
      x: { label: "dose in standard deviations of the examples' projections" }, y: { label: "logit of the class", grid: true },
      marks: [ruleX([dose], { strokeDasharray: "3 3" }), line(points, { x: "dose", y: "logit", stroke: "way" })],
    };
  }, [curve, label, dose]);
  if (!curve) return null;
  const now = curve.logits[curve.doses.indexOf(dose)] ?? found.logits;
  return (
    <>
      <h3>Steering {site} along the mean difference of a class</h3>
      <p class="picks">
        <Pick name="class" from={classes} at={name} set={setName} />
        <label class="pick">dose <input type="range" min={curve.doses[0]} max={curve.doses[curve.doses.length - 1]} step={1} value={dose} onInput={(e) => setDose(Number(e.currentTarget.value))} /> {dose} SD: the model says {classes[now.indexOf(Math.max(...now))]}</label>
      </p>
      <Chart label={`Logit of class ${name} by dose`} make={make} />
    </>
  );
}
