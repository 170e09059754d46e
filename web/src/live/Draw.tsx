// Draw or type an input, or take an example, and ask what the model makes of it.

import { useMemo, useState } from "preact/hooks";
import { limitOf } from "../colour";
import { parts } from "../lenses/parts";
import { go, to } from "../route";
import { useAudit } from "../views/context";
import { Tokens, unpadded } from "../views/Example";
import { Frame, Pick } from "../views/Frame";
import { InputMap } from "../views/InputMap";
import { plain, shown } from "../wording";
import { useAsked, useServer } from "./asking";
import { Bench, Refused } from "./Bench";
import { Elsewhere, ExampleField, Shown } from "./Chosen";
import { Cut, useSheet } from "./Cut";
import { hasForm, InputForm, withRest } from "./Forms";
import { Missing } from "./Missing";
import { begun, DRAWN, hold, type Input, inputAt, ownInput } from "./own";
import { Probabilities } from "./Probabilities";
import { drawable, Sheet } from "./Sheet";
import type { Looked, State, Values } from "./server";

const MAP = 128;
/** What the server calls the methods that a map is made by unless one is chosen. */
const USUAL = "usual";

export function Draw({ place }: { place: string }) {
  const [state, trouble] = useServer();
  const { inputs } = useAudit();
  const own = !place || place === DRAWN;
  return (
    <section class="card">
      <h2>
        {own
          ? inputs.parts === "pixels"
            ? "Draw"
            : `Your own ${inputs.example}`
          : `Example ${place}`}
      </h2>
      <Refused why={trouble} />
      {state && <Looking key={own ? "own" : place} state={state} place={place} />}
    </section>
  );
}

function Looking({ state, place }: { state: State; place: string }) {
  const audit = useAudit(),
    { classes } = audit.outline,
    one = audit.inputs.example;
  const own = !place || place === DRAWN,
    onSheet = drawable(state.shape) && audit.inputs.kind === "image",
    form = !onSheet && hasForm(state);
  const asked = own ? null : inputAt(place, state.examples, one);
  const [mine, setMine] = useState<Input | null>(own ? ownInput() : null);
  const start = typeof asked === "number" ? asked : begun();
  const [site, setSite] = useState(state.sites[state.sites.length - 1]);
  const example = useAsked<Values>(
    "example",
    form && typeof asked !== "string" ? { example: start } : null,
  );
  const input =
    mine ??
    (typeof asked === "string" ? null : asked) ??
    (form && typeof asked !== "string" ? start : null);
  const [method, setMethod] = useState(USUAL);
  const found = useAsked<Looked>(
    "look",
    input === null ? null : { image: input, near: site, methods: method },
  );
  const origin = useAsked<Looked>(
    "look",
    form && mine !== null ? { image: start, near: site } : null,
  );
  const drawn = (input: Input | null) => {
    setMine(input);
    hold(input, start);
  };
  const answer = input === null ? null : found.answer;
  const at = mine !== null ? DRAWN : String(input ?? "");
  return (
    <>
      <Bench
        seen={
          <>
            <Refused
              why={
                typeof asked === "string"
                  ? asked
                  : found.trouble &&
                    `${found.trouble}${found.late ? ". What stands below is of the choice before." : ""}`
              }
            />
            {answer ? (
              <div class={found.late ? "late" : ""} aria-busy={found.late}>
                <Probabilities
                  now={answer}
                  before={mine !== null && form ? (origin.answer ?? undefined) : undefined}
                  what={`The model says ${classes[answer.prediction]}.${mine !== null && form ? ` Before: example ${start} as it is.` : ""}`}
                />
                {answer.words && (
                  <p class="note">
                    Read as: <Tokens words={unpadded(answer.words)} />
                  </p>
                )}
              </div>
            ) : (
              typeof asked !== "string" && (
                <p class="hint" role="status">
                  {onSheet
                    ? "Nothing is drawn yet: draw with the pointer on the sheet, put a picture on it, or take an example."
                    : form
                      ? "…"
                      : `For inputs of shape ${state.shape.join(" × ")} there is no form to draw or type one: take an example.`}
                </p>
              )
            )}
          </>
        }
      >
        {answer?.label !== undefined && mine === null && (
          <p class="tools">
            of class {classes[answer.label]}, {answer.split} split
          </p>
        )}
        {own && onSheet && (
          <Sheet
            state={state}
            drawn={(image) => drawn(withRest(state, start, { values: image }))}
            clear={() => drawn(null)}
          />
        )}
        {!own && !form && typeof asked === "number" && <Shown input={asked} size={196} />}
        {form && example.answer && (
          <InputForm state={state} start={start} values={example.answer} typed={drawn} />
        )}
        {own && onSheet && state.also.length > 0 && (
          <p class="note">
            Beside it the model is given {state.also.join(", ")}: those of example {start}.
          </p>
        )}
        {form && (
          <p class="note">
            It starts as example {start}
            {state.also.length > 0 &&
              `, whose ${state.also.join(", ")} the model is given beside it`}
            .
          </p>
        )}
        <ExampleField
          state={state}
          place={own ? "" : place}
          label="or an example of the data"
          open={(n) => go(to.draw(n))}
        />
        <p class="tools">
          {!own && onSheet && <a href={to.draw()}>draw instead</a>}
          <Elsewhere
            place={at}
            links={[
              ["steer it along a class", to.steer(at)],
              ["patch it with another", to.patch(at)],
            ]}
          />
        </p>
      </Bench>
      {answer && (
        <div class={found.late ? "late" : ""} aria-busy={found.late}>
          <Maps found={answer} name={classes[answer.prediction]} />
          <p class="picks">
            <Pick
              name="method"
              label="maps by"
              from={[USUAL, ...(answer.methods ?? [])]}
              at={method}
              set={setMethod}
              word={(name) => (name === USUAL ? "the usual methods" : plain(name))}
            />
            <Pick name="site" from={state.sites} at={site} set={setSite} />
          </p>
          <Nearest found={answer} site={site} at={at} />
          <Activations found={answer} />
        </div>
      )}
    </>
  );
}

/** How the parts of the input speak for the predicted class, by each method; methods that fail a gate are named. */
function Maps({ found, name }: { found: Looked; name: string }) {
  const audit = useAudit();
  const look = parts.find((own) => own.method)?.method;
  const nameOf = (method: string) => look?.name(audit, method) ?? plain(method);
  const methods = Object.entries(found.maps).map(
    ([method, rows]) => [method, rows.map((row) => row.map((v) => v ?? Number.NaN))] as const,
  );
  if (!methods.length) return null;
  const text = found.words;
  return (
    <Frame
      name="maps"
      caption={
        text
          ? `By how much the score of ${name} falls without each token (blue: it speaks for ${name}; orange: against it), the model run again without it; full colour at the largest. One text, so no interval.`
          : `What speaks for ${name} (blue) and against it (orange), pixel by pixel, signed, each map on a scale of its own (those of the lens attribution are sizes without a sign). One image, so no interval; a method that fails a test of the lens attribution on this model is marked: its map shouldn't be believed.`
      }
    >
      <h3>What speaks for {name}</h3>
      <div class="strip">
        {methods.map(([method, rows]) => {
          const flat = rows.flat();
          return text ? (
            <p key={method}>
              <Tokens
                words={unpadded(text)}
                values={flat}
                limit={limitOf(flat)}
                title={(place) =>
                  Number.isFinite(flat[place])
                    ? `without it the score falls by ${shown(Number(flat[place].toPrecision(3)))}`
                    : "not taken out"
                }
              />
            </p>
          ) : (
            <figure class={audit.inputs.kind === "image" ? "map" : "map plain"} key={method}>
              <InputMap
                values={flat}
                width={rows[0].length}
                limit={limitOf(flat)}
                size={MAP}
                label={audit.inWords(`${nameOf(method)} of the logit of ${name} by pixel`)}
              />
              <figcaption>
                {nameOf(method)}
                {look && <look.verdict method={method} />}
              </figcaption>
            </figure>
          );
        })}
      </div>
      {!text && <Missing what="A verdict on these maps" of={(own) => own.method} />}
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

/** The nearest examples at a site; each can be patched with this input. */
function Nearest({ found, site, at }: { found: Looked; site: string; at: string }) {
  const { classes } = useAudit().outline;
  const near = found.nearest ?? [];
  const places = useMemo(() => near.map((n) => n.place), [found]);
  const sheet = useSheet(places);
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
              <small>
                <a href={to.patch(at, n.place)} aria-label={`patch with ${label}`}>
                  patch
                </a>
              </small>
            </span>
          );
        })}
      </div>
    </>
  );
}
