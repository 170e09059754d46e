// A site's value from one input in the run of another: what the model says before and after.

import { useEffect, useState } from "preact/hooks";
import { unitTable } from "../lenses/parts";
import { go, to } from "../route";
import { useAudit } from "../views/context";
import { Pick } from "../views/Frame";
import { unitsOf } from "../views/Network";
import { useAsked, useServer } from "./asking";
import { Bench, Refused } from "./Bench";
import { ExampleField, named, Shown } from "./Chosen";
import { inputAt } from "./own";
import { Probabilities } from "./Probabilities";
import type { Pair, Patched, State } from "./server";
import { unitsTyped } from "./typed";

export function Patch({ place, from }: { place: string; from: string }) {
  const [state, trouble] = useServer();
  return (
    <section class="card">
      <h2>
        Patch <small>one input's activations into the run of another</small>
      </h2>
      <Refused why={trouble} />
      {state && <Patching state={state} place={place} from={from} />}
    </section>
  );
}

function Patching({ state, place, from }: { state: State; place: string; from: string }) {
  const audit = useAudit(),
    { classes } = audit.outline,
    one = audit.inputs.example;
  const [site, setSite] = useState(state.sites[0]);
  const [text, setText] = useState("");
  const first = useAsked<Pair>("pair", { site });
  const pair = first.late ? null : first.answer;
  const open = !place && !from;
  useEffect(() => {
    if (!from && pair) setText(pair.units.join(", "));
  }, [pair, from]);
  const [into, source] = open
    ? [String(pair?.target ?? ""), String(pair?.source ?? "")]
    : [place, from || String(pair?.source ?? "")];
  const sizes = unitTable(audit);
  const size = (sizes && unitsOf(audit, sizes).get(site)) ?? Number.POSITIVE_INFINITY;
  const units = unitsTyped(text, size, site);
  const [target, donor] = [into, source].map((at) =>
    at ? inputAt(at, state.examples, one) : null,
  );
  const why =
    [target, donor].find((at) => typeof at === "string") ??
    (typeof units === "string" ? units : "") ??
    "";
  const ready = !why && target !== null && donor !== null && !(open && !pair);
  const found = useAsked<Patched>(
    "patch",
    ready ? { source: donor, target, site, ...(units ? { units } : {}) } : null,
  );
  const chosen = typeof units === "string" ? null : units;
  const what = chosen
    ? `${chosen.length === 1 ? "unit" : "units"} ${chosen.join(", ")} of ${site}`
    : `the whole of ${site}`;
  return (
    <Bench
      seen={
        <>
          <Refused why={String(why) || found.trouble || (open ? first.trouble : "")} />
          {found.answer && !why && (
            <div class={found.late ? "late" : ""} aria-busy={found.late}>
              <Probabilities
                now={found.answer.after}
                before={found.answer.before}
                what={`With ${what} from ${named(source, one)}, ${named(into, one)} is ${classes[found.answer.after.prediction]}${found.answer.after.prediction === found.answer.before.prediction ? ", as before" : `; before: ${classes[found.answer.before.prediction]}`}.`}
              />
              <Control found={found.answer} />
            </div>
          )}
        </>
      }
    >
      {open && pair && (
        <p>
          Of {pair.tried} pairs of evaluation {audit.inputs.examples} that were tried at this site,
          each with the{" "}
          {pair.units.length === 1 ? "unit that differs" : `${pair.units.length} units that differ`}{" "}
          most between the two, this one moves the prediction furthest: it is the strongest, not a
          usual one. {pair.changed} of {pair.tried} change the prediction.
        </p>
      )}
      <div class="two">
        {(
          [
            [into, target, "into"],
            [source, donor, "from"],
          ] as const
        ).map(([at, input, word]) => (
          <figure key={word}>
            <figcaption>
              {word} <b>{at ? named(at, one) : "…"}</b>
            </figcaption>
            {input !== null && typeof input !== "string" && <Shown input={input} />}
            <ExampleField
              state={state}
              place={at}
              label={word}
              open={(n) => go(word === "into" ? to.patch(n, source) : to.patch(into, n))}
            />
          </figure>
        ))}
      </div>
      <p class="picks">
        <Pick name="site" from={state.sites} at={site} set={setSite} />
        <label class="pick">
          units{" "}
          <input
            value={text}
            placeholder="all, or 3, 17, …"
            onInput={(e) => setText(e.currentTarget.value)}
          />
        </label>
      </p>
      <p class="tools">
        <button type="button" onClick={() => go(to.patch(source, into))}>
          the other way round
        </button>
        <button type="button" onClick={() => setText("")}>
          the whole site
        </button>
        {!open && <a href={to.patch()}>back to the pair that moves furthest</a>}
      </p>
      {units === null && (
        <p class="note">
          Where everything that the decision reads passes through {site}, the whole of it brings the
          other {one}'s answer by construction.
        </p>
      )}
    </Bench>
  );
}

/** What as many other patches do to the prediction. */
function Control({ found: { before, control, random } }: { found: Patched }) {
  const audit = useAudit(),
    { classes } = audit.outline;
  const name = classes[before.prediction];
  return (
    <p class="note">
      Control:{" "}
      {control.n
        ? `taken from ${control.n} other ${audit.inputs.examples} that are ${name} and told so, ${control.same} leave it as it was.`
        : `there are no other ${audit.inputs.examples} that are ${name} and told so.`}
      {random &&
        ` With as many random units of the site it stays in ${random.same} of ${random.n} draws.`}{" "}
      One input, so no interval.
    </p>
  );
}
