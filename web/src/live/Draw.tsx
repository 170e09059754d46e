// Draw an input, or take an example, and ask what the model makes of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { limitOf } from "../colour";
import { parts } from "../lenses/parts";
import { go, to } from "../route";
import { useAudit } from "../views/context";
import { Frame, Pick } from "../views/Frame";
import { Pixels } from "../views/Pixels";
import { plain, shown } from "../wording";
import { Cut, useSheet } from "./Cut";
import { percent as share } from "./Outcome";
import { drawable, Sheet } from "./Sheet";
import { Steering } from "./Steering";
import { ask, type Looked, type Patched, type State } from "./server";

const MAP = 128;

/** What was found, and of what: the reader may have chosen another image or site since. */
interface Answer {
  found: Looked;
  image: unknown;
  site: string;
}

export function Draw({ place }: { place: number | null }) {
  const { classes } = useAudit().outline;
  const [state, setState] = useState<State | null>(null);
  const [image, setImage] = useState<unknown>(place);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [site, setSite] = useState("");
  const [trouble, setTrouble] = useState("");
  const number = useRef(0);
  const missing = place && state?.live && place >= state.examples;
  const found = answer?.found,
    late = answer !== null && (answer.image !== image || answer.site !== site);
  useEffect(() => {
    ask<State>("state", {}).then(
      (answer) => {
        setState(answer);
        setSite(answer.sites?.[answer.sites.length - 1] ?? "");
        setTrouble(answer.live ? "" : answer.reason);
      },
      (e: Error) => setTrouble(e.message),
    );
  }, []);
  useEffect(() => {
    setImage(place);
    setAnswer(null);
    setTrouble("");
  }, [place]);
  useEffect(() => {
    if (!state?.live || image === null || !site || missing) return;
    const mine = ++number.current;
    ask<Looked>("look", { image, near: site }).then(
      (found) => {
        if (mine !== number.current) return;
        setAnswer({ found, image, site });
        setTrouble("");
      },
      (e: Error) => mine === number.current && setTrouble(e.message),
    );
  }, [state, image, site]);
  return (
    <section class="card">
      <h2>
        {place === null ? "Draw" : `Example ${place}`}
        {place !== null && found?.label !== undefined && (
          <small>
            {" "}
            of class {classes[found.label]}, {found.split} split
          </small>
        )}
      </h2>
      {missing && (
        <p>
          There is no example {place}: the data have 0 to {state.examples - 1}.
        </p>
      )}
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
          {late && ". What stands below is of the choice before."}
        </p>
      )}
      {state?.live && <Examples count={state.examples} place={place} />}
      <div class="pair">
        {state?.live && place === null && drawable(state.shape) && (
          <Sheet
            state={state}
            drawn={setImage}
            clear={() => {
              setImage(null);
              setAnswer(null);
            }}
          />
        )}
        {place !== null && !missing && state?.live && <Shown place={place} />}
        {found && <Measurement found={found} classes={classes} />}
      </div>
      {found && state && (
        <div class={late ? "late" : ""} aria-busy={late}>
          <Maps found={found} name={classes[found.prediction]} />
          <Activations found={found} />
          <p class="picks">
            <Pick name="site" from={state.sites} at={site} set={setSite} />
          </p>
          <Nearest found={found} site={answer.site} image={answer.image} count={state.examples} />
          <Steering site={answer.site} image={answer.image} found={found} />
        </div>
      )}
    </section>
  );
}

/** Take one of the data's examples instead of a drawing. */
function Examples({ count, place }: { count: number; place: number | null }) {
  const any = () => go(to.draw(Math.floor(Math.random() * count)));
  return (
    <p class="tools">
      <label>
        an example of the data, 0 to {count - 1}:{" "}
        <input
          type="number"
          min={0}
          max={count - 1}
          value={place ?? ""}
          onChange={(e) =>
            e.currentTarget.value &&
            go(to.draw(Math.min(count - 1, Math.max(0, Math.floor(Number(e.currentTarget.value))))))
          }
        />
      </label>
      <button type="button" onClick={any}>
        any example
      </button>
      {place !== null && (
        <button type="button" onClick={() => go(to.draw())}>
          draw instead
        </button>
      )}
    </p>
  );
}

function Shown({ place }: { place: number }) {
  const sheet = useSheet([place]);
  return sheet && <Cut sheet={sheet} place={0} label={`Example ${place}`} size={196} />;
}

function Measurement({ found, classes }: { found: Looked; classes: string[] }) {
  const order = classes.map((_, c) => c).sort((a, b) => found.logits[b] - found.logits[a]);
  const kept = classes.length > 20 ? order.slice(0, 20) : classes.map((_, c) => c);
  return (
    <div class="wide">
      <table class="bars">
        <caption aria-live="polite">
          The model says {classes[found.prediction]}
          {kept.length < classes.length && "; the 20 largest"}
        </caption>
        <thead>
          <tr>
            <th scope="col">class</th>
            <th scope="col" colSpan={2}>
              probability
            </th>
            <th scope="col">logit</th>
          </tr>
        </thead>
        <tbody>
          {kept.map((c) => (
            <tr key={c}>
              <th scope="row">{classes[c]}</th>
              <td>
                <span class="bar-of">
                  <i style={{ width: `${100 * found.probabilities[c]}%` }} />
                </span>
              </td>
              <td>{share(found.probabilities[c])}</td>
              <td>{shown(found.logits[c])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How the pixels speak for the predicted class, by each method; methods that fail a gate are named. */
function Maps({ found, name }: { found: Looked; name: string }) {
  const audit = useAudit();
  const look = parts.find((own) => own.method)?.method;
  const nameOf = (method: string) => look?.name(audit, method) ?? plain(method);
  const methods = Object.entries(found.maps).filter(([, rows]) => rows.length > 1);
  if (!methods.length) return null;
  return (
    <Frame
      caption={`What speaks for ${name} (blue) and against it (orange), pixel by pixel, signed, each map on a scale of its own (those of the lens attribution are sizes without a sign). One image, so no interval; a method that fails a test of the lens attribution on this model is marked: its map shouldn't be believed.`}
    >
      <div class="strip">
        {methods.map(([method, rows]) => {
          const flat = rows.flat();
          return (
            <figure class="map" key={method}>
              <Pixels
                values={flat}
                width={rows[0].length}
                limit={limitOf(flat)}
                size={MAP}
                label={`${nameOf(method)} of the logit of ${name} by pixel`}
              />
              <figcaption>
                {nameOf(method)}
                {look && <look.verdict method={method} />}
              </figcaption>
            </figure>
          );
        })}
      </div>
    </Frame>
  );
}

function Activations({ found }: { found: Looked }) {
  const audit = useAudit(),
    table = audit.table("sites");
  const repeats = (site: string) =>
    table?.rows({ site }).some((row) => table.number(row, "positions") > 1);
  return (
    <>
      <h3>Units that respond most</h3>
      <div class="pair">
        {Object.entries(found.top).map(([name, units]) => {
          const most = Math.max(...units.map((u) => Math.abs(u.value)), 1e-12);
          return (
            <table class="bars" key={name}>
              <caption>
                Site {name}
                {repeats(name) ? ": mean over positions" : ""}
              </caption>
              <thead>
                <tr>
                  <th scope="col">unit</th>
                  <th scope="col" colSpan={2}>
                    value
                  </th>
                </tr>
              </thead>
              <tbody>
                {units.map((u) => (
                  <tr key={u.unit}>
                    <th scope="row">
                      <a href={to.unit(audit.siteIndex(name), u.unit)}>{u.unit}</a>
                    </th>
                    <td>
                      <span class="bar-of">
                        <i style={{ width: `${(100 * Math.abs(u.value)) / most}%` }} />
                      </span>
                    </td>
                    <td>{shown(u.value)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        })}
      </div>
    </>
  );
}

const WAYS = ["from the example here", "from here to the example"] as const;

/** The nearest examples, and what becomes of either image with the site's value of the other. */
function Nearest({
  found,
  site,
  image,
  count,
}: {
  found: Looked;
  site: string;
  image: unknown;
  count: number;
}) {
  const { classes } = useAudit().outline;
  const [result, setResult] = useState("");
  const [some, setSome] = useState("");
  const [way, setWay] = useState<(typeof WAYS)[number]>(WAYS[0]);
  const near = found.nearest ?? [];
  const sheet = useSheet(near.map((n) => n.place));
  useEffect(() => setResult(""), [found, way, some]);
  useEffect(() => setSome(""), [site]);
  const patch = (place: number) => {
    if (some.trim() && !/^\s*\d+(\s*,\s*\d+)*\s*$/.test(some))
      return setResult("Units are whole numbers with commas between them, or nothing for all.");
    const into = way === WAYS[0],
      units = some.match(/\d+/g)?.map(Number);
    const what = units
      ? `${units.length === 1 ? "unit" : "units"} ${units.join(", ")} of site ${site}`
      : `the whole of site ${site}`;
    ask<Patched>("patch", {
      source: into ? place : image,
      target: into ? image : place,
      site,
      units,
    }).then(
      ({ before, after, control: { n, same }, random }) =>
        setResult(
          `With ${what} taken ${into ? `from example ${place}, this image` : `from this image, example ${place}`} is predicted as ${classes[after.prediction]} (${percent(after)}; before: ${classes[before.prediction]}, ${percent(before)}). Control: taken from ${n} other images that are ${classes[before.prediction]} and told so, ${same} leave it as it was.${random ? ` With as many random units of the site it stays in ${random.same} of ${random.n} draws.` : ""}`,
        ),
      (e: Error) => setResult(e.message),
    );
  };
  return (
    <>
      <h3>
        Nearest evaluation examples at site {site}
        {found.among && (
          <small>
            {" "}
            of {found.among[0] < found.among[1] ? `${found.among[0]} drawn from ` : ""}
            {found.among[1]}, by Euclidean distance
          </small>
        )}
      </h3>
      <div class="strip">
        {near.map((n, i) => {
          const label = `example ${n.place} of class ${classes[n.label]}`;
          return (
            <span key={n.place} class="change">
              <a class="picture" href={to.draw(n.place)} title={label}>
                {sheet ? <Cut sheet={sheet} place={i} label={label} size={64} /> : `#${n.place}`}
              </a>
              <small>
                {classes[n.label]}, {shown(Number(n.distance.toPrecision(3)))} away
              </small>
              <button
                type="button"
                aria-label={`patch with ${label}`}
                onClick={() => patch(n.place)}
              >
                patch
              </button>
            </span>
          );
        })}
      </div>
      <p class="picks">
        <Pick name={`put site ${site}`} from={WAYS} at={way} set={setWay} />
        <label class="pick">
          units{" "}
          <input
            value={some}
            placeholder="all, or 3, 17, …"
            onInput={(e) => setSome(e.currentTarget.value)}
          />
        </label>
      </p>
      <form
        class="tools"
        onSubmit={(e) => {
          e.preventDefault();
          patch(Number(new FormData(e.currentTarget).get("example")));
        }}
      >
        <label>
          with any other example, 0 to {count - 1}:{" "}
          <input name="example" type="number" min={0} max={count - 1} step={1} required />
        </label>
        <button type="submit">patch</button>
      </form>
      <p role="status">{result}</p>
      <p>
        Where everything that the decision reads passes through site {site}, the whole of it brings
        the other image's answer by construction.
      </p>
    </>
  );
}

const percent = (found: Looked) => share(found.probabilities[found.prediction]);
