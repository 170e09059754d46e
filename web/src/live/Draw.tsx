// Draw an input, or take an example, and ask what the model makes of it.

import { line, ruleX } from "@observablehq/plot";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { limitOf } from "../colour";
import { shown } from "../data";
import { to } from "../route";
import { Chart } from "../views/Chart";
import { useAudit } from "../views/context";
import { Pick } from "../views/Frame";
import { Pixels } from "../views/Pixels";
import { Jobs } from "./Jobs";
import { ask, type Looked, type Pictures, type State, type Steered } from "./server";

const SIZE = 224;

export function Draw({ place }: { place: number | null }) {
  const audit = useAudit();
  const { classes } = audit.outline;
  const [state, setState] = useState<State | null>(null);
  const [image, setImage] = useState<unknown>(place);
  const [found, setFound] = useState<Looked | null>(null);
  const [site, setSite] = useState("");
  const [trouble, setTrouble] = useState("");
  const number = useRef(0);
  useEffect(() => {
    ask<State>("state", {}).then((told) => {
      setState(told);
      setSite(told.sites[told.sites.length - 1] ?? "");
      setTrouble(told.live ? "" : told.reason);
    }, (e: Error) => setTrouble(e.message));
  }, []);
  useEffect(() => setImage(place), [place]);
  useEffect(() => {
    if (!state?.live || image === null || !site) return;
    const mine = ++number.current;
    ask<Looked>("look", { image, near: site }).then(
      (told) => mine === number.current && (setFound(told), setTrouble("")),
      (e: Error) => mine === number.current && setTrouble(e.message),
    );
  }, [state, image, site]);
  const planar = state?.shape.length === 3 && state.shape[0] === 1;
  return (
    <section class="card">
      <h2>{place === null ? "Draw" : `Example ${place}`}</h2>
      {trouble && <p class="caveat" role="alert">{trouble}</p>}
      {state?.live && !planar && place === null && <p>Inputs of this model aren't single planes; choose an example: <code>#/draw/0</code>.</p>}
      <div class="pair">
        {planar && <Canvas shape={state!.shape} drawn={setImage} clear={() => (setImage(null), setFound(null))} />}
        {found && planar && <Saliency values={found.saliency as number[][][]} said={classes[found.prediction]} />}
        {found && (
          <table class="bars">
            <caption aria-live="polite">The model says {classes[found.prediction]}</caption>
            <thead><tr><th scope="col">class</th><th scope="col">probability</th><th scope="col">logit</th></tr></thead>
            <tbody>{classes.map((name, c) => (
              <tr key={c}><th scope="row">{name}</th><td><span class="bar-of"><i style={{ width: `${100 * found.probabilities[c]}%` }} /></span> {(100 * found.probabilities[c]).toFixed(1)} %</td><td>{shown(found.logits[c])}</td></tr>
            ))}</tbody>
          </table>
        )}
      </div>
      {found && state && (
        <>
          <h3>Units that respond most</h3>
          <ul>{Object.entries(found.top).map(([name, units]) => (
            <li key={name}>{name}: {units.slice(0, 6).map((u, i) => <span key={u.unit}>{i > 0 && ", "}<a href={to.unit(audit.siteIndex(name), u.unit)}>unit {u.unit}</a> ({shown(u.value)})</span>)}</li>
          ))}</ul>
          <p class="picks"><Pick name="site" from={state.sites} at={site} set={setSite} /></p>
          <Nearest found={found} site={site} image={image} />
          <Steering site={site} image={image} found={found} />
        </>
      )}
      {state?.live && <Jobs />}
    </section>
  );
}

/** Brightness of a pixel, from 0 to 1 (ITU-R BT.601). */
const grey = (data: Uint8ClampedArray, i: number) => (0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]) / 255;

/** A sheet to draw on, which is averaged down to the size of an input. */
function Canvas({ shape, drawn, clear }: { shape: number[]; drawn: (image: number[][][]) => void; clear: () => void }) {
  const sheet = useRef<HTMLCanvasElement>(null);
  const last = useRef<[number, number] | null>(null);
  const [, high, wide] = shape;
  const pen = () => sheet.current!.getContext("2d", { willReadFrequently: true })!;
  const empty = () => {
    pen().fillStyle = "#000";
    pen().fillRect(0, 0, SIZE, SIZE);
  };
  useEffect(empty, []);
  const stroke = (e: PointerEvent) => {
    if (!last.current) return;
    Object.assign(pen(), { strokeStyle: "#fff", lineWidth: SIZE / 12, lineCap: "round" });
    pen().beginPath();
    pen().moveTo(...last.current);
    pen().lineTo(e.offsetX, e.offsetY);
    pen().stroke();
    last.current = [e.offsetX, e.offsetY];
  };
  const done = () => {
    if (!last.current) return;
    last.current = null;
    taken();
  };
  const upload = async (file?: File) => {
    if (!file) return;
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) return;
    empty();
    const share = Math.min(SIZE / picture.width, SIZE / picture.height);
    const [w, h] = [share * picture.width, share * picture.height];
    pen().drawImage(picture, (SIZE - w) / 2, (SIZE - h) / 2, w, h);
    taken();
  };
  const taken = () => {
    const small = Object.assign(document.createElement("canvas"), { width: wide, height: high });
    const to = small.getContext("2d")!;
    Object.assign(to, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    to.drawImage(sheet.current!, 0, 0, wide, high);
    const { data } = to.getImageData(0, 0, wide, high);
    drawn([Array.from({ length: high }, (_, y) => Array.from({ length: wide }, (_, x) => grey(data, 4 * (y * wide + x))))]);
  };
  return (
    <div>
      <canvas ref={sheet} width={SIZE} height={SIZE} class="sheet" role="img" aria-label="Sheet to draw on with the pointer" style={{ width: `${SIZE}px`, height: `${SIZE}px` }}
        onPointerDown={(e) => { last.current = [e.offsetX, e.offsetY]; sheet.current!.setPointerCapture(e.pointerId); stroke(e); }} onPointerMove={stroke} onPointerUp={done} />
      <p class="tools"><button onClick={() => (empty(), clear())}>clear</button> white on black, as large as the examples are</p>
      <p class="tools"><label>or a picture <input type="file" accept="image/*" onChange={(e) => upload(e.currentTarget.files?.[0])} /></label></p>
    </div>
  );
}

/** How the logit of the prediction answers to each pixel: Captum's gradient, signed. */
function Saliency({ values, said }: { values: number[][][]; said: string }) {
  const [rows] = values;
  const flat = rows.flat();
  return (
    <figure class="view">
      <Pixels values={flat} width={rows[0].length} limit={limitOf(flat)} size={SIZE} label={`Gradient of the logit of ${said} by pixel`} />
      <figcaption>Gradient of the logit of {said}: blue pixels would raise it by getting brighter, orange ones lower it. The lens attribution says whether gradients can be believed for this model.</figcaption>
    </figure>
  );
}

function Nearest({ found, site, image }: { found: Looked; site: string; image: unknown }) {
  const { classes } = useAudit().outline;
  const [said, setSaid] = useState("");
  const [sheet, setSheet] = useState<Pictures | null>(null);
  const near = found.nearest ?? [];
  useEffect(() => {
    let gone = false; // an older answer mustn't take a newer one's place
    setSaid("");
    ask<Pictures>("pictures", { examples: near.map((n) => n.place) }).then((told) => gone || setSheet(told), () => gone || setSheet(null));
    return () => {
      gone = true;
    };
  }, [found]);
  const patch = (place: number) =>
    ask<{ before: Looked; after: Looked }>("patch", { source: place, target: image, site }).then(
      ({ before, after }) => setSaid(`With the whole of ${site} taken from example ${place} the model says ${classes[after.prediction]} (before: ${classes[before.prediction]}).`),
      (e: Error) => setSaid(e.message),
    );
  return (
    <>
      <h3>Nearest evaluation examples in {site}</h3>
      {sheet && <img src={sheet.sheet} class="sheet" alt={`Pictures of examples ${near.map((n) => n.place).join(", ")}`} style={{ height: "48px" }} />}
      <p class="tools">{near.map((n) => <button key={n.place} onClick={() => patch(n.place)} title={`put ${site} of example ${n.place} into this image`}>#{n.place}: {classes[n.label]}</button>)}</p>
      <p role="status">{said}</p>
    </>
  );
}

function Steering({ site, image, found }: { site: string; image: unknown; found: Looked }) {
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
