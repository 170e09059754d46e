// Remove units by choosing them on the map, and see at once what every class loses.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { shown, type Table } from "../data";
import { go, to } from "../route";
import { useAudit } from "../views/context";
import { Pick } from "../views/Frame";
import { Grid } from "../views/Grid";
import { laid } from "../views/Network";
import { read, toggled, written } from "./chosen";
import { ask, type Estimate, type Pictures, type Removed, type Saved, type State, type Unit } from "./server";

const EDITS = ["mean", "zero", "resample", "optimal"] as const;
const TOP = 10;
const session = Math.random().toString(36).slice(2);
let number = 0;

export function Playground({ wanted }: { wanted: string }) {
  const audit = useAudit();
  const table = audit.table("ablation.units");
  const { sites } = audit.outline;
  const units = useMemo(() => read(wanted, sites), [wanted]);
  const [edit, setEdit] = useState<string>("mean");
  const [state, setState] = useState<State | null>(null);
  const [found, setFound] = useState<Removed | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    ask<State>("state", {}).then((told) => (setState(told), setTrouble(told.live ? "" : told.reason)), (e: Error) => setTrouble(e.message));
  }, []);
  useEffect(() => {
    if (!state?.live) return;
    const mine = ++number;
    const question = (more: object) => ask<Removed>("remove", { session, number: mine, units, edit, ...more });
    // a thousand examples answer at once, then all do; random sets come last
    const steps = [{ examples: "first" }, { examples: "all" }, ...(units.length ? [{ examples: "all", controls: 20 }] : [])];
    const run = async () => {
      for (const step of steps) {
        const told = await question(step);
        if (told.superseded || mine !== number) return;
        setFound(told);
        setTrouble("");
      }
    };
    run().catch((e: Error) => mine === number && setTrouble(e.message));
  }, [state?.live, wanted, edit]);
  if (!table) return <p>This audit holds no effects of single units; run the lens ablation.</p>;
  const set = (next: Unit[]) => go(to.live(written(next, sites)));
  return (
    <section class="card">
      <h2>Ablation playground</h2>
      {trouble && <p class="caveat" role="alert">{trouble}</p>}
      <Map table={table} units={units} set={set} />
      <p class="tools">
        {units.length} units removed
        <button disabled={!units.length} onClick={() => set([])}>remove none</button>
        <button onClick={() => history.back()}>undo</button>
        <Pick name="removed units hold" from={EDITS} at={edit as (typeof EDITS)[number]} set={setEdit} />
        <button disabled={!units.length} onClick={() => navigator.clipboard?.writeText(location.href)}>copy link</button>
      </p>
      {found && <Bars found={found} />}
      {found && units.length > 0 && <Changed found={found} />}
      {found && units.length > 0 && <Confusion found={found} />}
      {state?.live && <Experiments state={state} units={units} edit={edit} saved={(one) => setState({ ...state, experiments: [...state.experiments, one] })} />}
    </section>
  );
}

function Map({ table, units, set }: { table: Table; units: Unit[]; set: (units: Unit[]) => void }) {
  const audit = useAudit();
  const classes = table.distinct("class") as string[];
  const [name, setName] = useState(classes[0]);
  const rows = useMemo(() => table.rows({ class: name }), [table, name]);
  const unitOf = (row: number): Unit => [String(table.cell(row, "site")), table.number(row, "unit")];
  const now = useRef(units);
  now.current = units;
  const key = written(units, audit.outline.sites);
  const cells = useMemo(() => {
    const gone = new Set(units.map(String));
    return laid(table, rows, (row) => set(toggled(now.current, unitOf(row))), (row) => gone.has(String(unitOf(row))));
  }, [table, rows, key]);
  const sites = [...new Set(rows.map((row) => String(table.cell(row, "site"))))];
  const top = (site: string) => {
    const own = rows.filter((row) => table.cell(row, "site") === site && table.cell(row, "effect") !== null);
    set(own.sort((a, b) => table.number(a, "effect") - table.number(b, "effect")).slice(0, TOP).map(unitOf));
  };
  return (
    <figure class="view">
      <p class="picks">
        <Pick name="coloured by the effect on class" from={classes} at={name} set={setName} />
        {sites.map((site) => <button key={site} onClick={() => top(site)}>remove the {TOP} of {site} that it needs most</button>)}
      </p>
      <Grid cells={cells} label="Map of the network. Enter removes a unit or puts it back." />
      <figcaption>Choose units on the map to remove them. A class's top units are named by their effects on these same examples, so their drop is a little flattered; <a href={to.lens("ablation", "ablation.topk")}>the lens</a> chooses them on other examples.</figcaption>
    </figure>
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const between = (e: Estimate) => `[${(100 * e.lo).toFixed(1)}, ${(100 * e.hi).toFixed(1)}]`;

function Bars({ found }: { found: Removed }) {
  return (
    <div class="wide">
      <table class="bars">
        <caption aria-live="polite">Accuracy on {found.n} {found.whole ? "" : "of the "}evaluation examples{found.whole ? "" : " (a stratified part; all follow)"}; 95 % intervals</caption>
        <thead><tr><th scope="col">class</th><th scope="col">accuracy</th><th scope="col">before</th><th scope="col">after</th><th scope="col">drop, points</th><th scope="col">random sets drop</th><th scope="col">n</th></tr></thead>
        <tbody>
          {found.classes.filter((row) => row.after).map((row) => (
            <tr key={row.class}>
              <th scope="row">{row.class}</th>
              <td><span class="bar-of"><i style={{ width: `${100 * row.after!.value}%` }} /><b style={{ left: `${100 * row.before!.value}%` }} /></span></td>
              <td>{percent(row.before!.value)}</td>
              <td><strong>{percent(row.after!.value)}</strong> {between(row.after!)}</td>
              <td>{(100 * row.drop!.value).toFixed(1)} {between(row.drop!)}</td>
              <td>{row.random ? `${(100 * row.random.value).toFixed(1)} ${between(row.random)} (${row.random.sets})` : "–"}</td>
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
  const [sheet, setSheet] = useState<{ image: HTMLImageElement; of: Removed; told: Pictures } | null>(null);
  useEffect(() => {
    if (!found.changed.length) return;
    let gone = false; // an older answer mustn't take a newer one's place
    ask<Pictures>("pictures", { examples: found.changed.map((one) => one.example) }).then(async (told) => {
      const image = Object.assign(new Image(), { src: told.sheet });
      await image.decode();
      if (!gone) setSheet({ image, of: found, told });
    }).catch(() => undefined); // inputs that aren't pictures are named by their numbers
    return () => {
      gone = true;
    };
  }, [found]);
  const drawn = sheet?.of === found ? sheet : null;
  return (
    <>
      <h3>Predictions that change: {found.changes} of {found.n}</h3>
      <div class="strip">
        {found.changed.map((one, i) => {
          const label = `example ${one.example} of class ${classes[one.label]}`;
          return (
            <span key={one.example} class="change" title={label}>
              {drawn ? <Cut {...drawn} place={i} label={label} /> : <em>#{one.example}</em>}
              <small>{classes[one.before]} → {classes[one.after]}</small>
            </span>
          );
        })}
      </div>
    </>
  );
}

/** One picture of a sheet. */
function Cut({ image, told, place, label }: { image: HTMLImageElement; told: Pictures; place: number; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = told;
  useEffect(() => canvas.current?.getContext("2d")?.drawImage(image, width * place, 0, width, height, 0, 0, width, height), [image, place]);
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={label} style={{ width: "44px", height: `${(44 * height) / width}px`, imageRendering: "pixelated" }} />;
}

function Confusion({ found }: { found: Removed }) {
  const { classes } = useAudit().outline;
  const most = Math.max(1, ...found.confusion.flatMap((row, c) => row.filter((_, p) => p !== c)));
  return (
    <details>
      <summary>confusion matrix without these units</summary>
      <div class="wide">
        <table class="confusion">
          <caption>Examples by class (rows) and prediction (columns), n = {found.n}</caption>
          <thead><tr><th scope="col">class</th>{classes.map((name) => <th scope="col" key={name}>{name}</th>)}</tr></thead>
          <tbody>
            {found.confusion.map((row, c) => (
              <tr key={c}>
                <th scope="row">{classes[c]}</th>
                {row.map((count, p) => <td key={p} style={p === c ? { fontWeight: 600 } : { boxShadow: `inset 0 -${Math.round((14 * count) / most)}px rgb(213 94 0 / .35)` }}>{count}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Experiments({ state, units, edit, saved }: { state: State; units: Unit[]; edit: string; saved: (one: Saved) => void }) {
  const audit = useAudit();
  const [name, setName] = useState("");
  const [told, setTold] = useState("");
  const keep = () =>
    ask<{ id: string }>("keep", { name, units, edit }).then(
      ({ id }) => (saved({ id, name, asked: { units, edit } }), setName(""), setTold("kept in the audit's folder")),
      (e: Error) => setTold(e.message),
    );
  return (
    <>
      <h3>Experiments</h3>
      <form class="tools" onSubmit={(e) => (e.preventDefault(), keep())}>
        <label>name <input value={name} maxLength={120} onInput={(e) => setName(e.currentTarget.value)} /></label>
        <button disabled={!name.trim() || !units.length}>keep this set</button>
        <span role="status">{told}</span>
      </form>
      <ul>
        {state.experiments.map((one) => (
          <li key={one.id}><a href={to.live(written(one.asked.units, audit.outline.sites))}>{one.name}</a> ({shown(one.asked.units.length)} units, {one.asked.edit})</li>
        ))}
      </ul>
    </>
  );
}
