// Remove units by choosing them on the map, and see at once what every class loses.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Table } from "../data";
import { mapOf, type NamedSet, parts } from "../lenses/parts";
import { go, to } from "../route";
import { useAudit } from "../views/context";
import { Frame, Pick } from "../views/Frame";
import { Grid } from "../views/Grid";
import { laid, unitsOf } from "../views/Network";
import { fixed, layer, shown } from "../wording";
import { Bench, Refused } from "./Bench";
import { toggled, unitsIn, written } from "./chosen";
import { Missing } from "./Missing";
import { between, Effect, Outcome, percent } from "./Outcome";
import { ask, type Estimate, type Removed, type Saved, type State, type Unit } from "./server";
import { needed } from "./sets";
import { reached, started, stepped } from "./trail";

const session = Math.random().toString(36).slice(2);
let number = 0;
/** Of more sets than these, one is chosen from a list. */
const BUTTONS = 3;
/** The sets that were looked at since the page was opened. */
const tried = new Set<string>();

export function Playground({ wanted, edit: asked }: { wanted: string; edit: string }) {
  const [state, setState] = useState<State | null>(null);
  // until the server has said which there are, what was asked for is believed
  const edits = state?.edits ?? [asked];
  const edit = edits.includes(asked) ? asked : edits[0]!;
  const audit = useAudit();
  const table = mapOf(audit);
  const { sites } = audit.outline;
  const [units, unknown] = useMemo(() => {
    const sizes = table && unitsOf(audit, table);
    const { units: asked, unread } = unitsIn(wanted, sites),
      known = asked.filter(([site, unit]) => unit < (sizes?.get(site) ?? 0));
    const beyond = asked
      .filter((one) => !known.includes(one))
      .map(([site, unit]) => `${layer(site)}·${unit}`);
    return [known, [...beyond, ...unread]];
  }, [wanted, table]);
  const address = to.live(wanted, edit);
  const [found, setFound] = useState<{ of: string; units: number; answer: Removed } | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    ask<State>("state", {}).then(
      (answer) => {
        setState(answer);
        setTrouble(answer.live ? "" : answer.reason);
      },
      (e: Error) => setTrouble(e.message),
    );
  }, []);
  // asked before the map is painted: a frame is a sixth of what a click may take
  useLayoutEffect(() => {
    if (!state?.live) return;
    const mine = ++number;
    const question = (more: object) =>
      ask<Removed>("remove", { session, number: mine, units, edit, ...more });
    // a thousand examples answer at once (all of them where the network is fast), then all do; random sets come last, a few and then as many as a few seconds allow
    const steps = [
      { examples: "first" },
      { examples: "all" },
      ...(units.length
        ? [
            { examples: "all", controls: 20 },
            { examples: "all", controls: 200 },
          ]
        : []),
    ];
    const run = async () => {
      let whole = false;
      for (const step of steps) {
        if (whole && !("controls" in step)) continue;
        const answer = await question(step);
        if (answer.superseded || mine !== number) return;
        whole = answer.whole;
        setFound({ of: address, units: units.length, answer });
        setTrouble("");
      }
    };
    run().catch((e: Error) => mine === number && setTrouble(e.message));
  }, [state?.live, wanted, edit]);
  const trail = useTrail(address);
  const late = found !== null && found.of !== address;
  if (units.length) tried.add(address);
  if (!table) return <Missing what="The playground" of={(own) => own.map} />;
  const set = (next: Unit[]) => go(to.live(written(next, sites), edit));
  return (
    <section class="card">
      <h2>Ablation playground</h2>
      <Bench
        seen={
          <>
            <Refused
              why={
                trouble &&
                `${trouble}${late ? ". The numbers below are those of the set before." : ""}`
              }
            />
            {found && (
              <Effect found={found.answer} units={found.units} late={late} tried={tried.size} />
            )}
          </>
        }
      >
        {unknown.length > 0 && (
          <p class="caveat">
            This audit has no {unknown.slice(0, 5).join(", ")}
            {unknown.length > 5 && ` and ${unknown.length - 5} more`}: the address names what isn't
            there, and nothing of it is removed. Choose units on the map.
          </p>
        )}
        {edit !== asked && (
          <p class="caveat">
            There is no ablation value “{asked}”; these units hold their {edit}.
          </p>
        )}
        <UnitMap table={table} units={units} set={set} />
        <p class="tools chosen">
          {units.length} {units.length === 1 ? "unit" : "units"} removed
          <button type="button" disabled={!units.length} onClick={() => set([])}>
            remove none
          </button>
          <button type="button" disabled={!trail.back} onClick={trail.back} aria-keyshortcuts="u">
            undo
          </button>
          <button
            type="button"
            disabled={!trail.forth}
            onClick={trail.forth}
            aria-keyshortcuts="Shift+U"
          >
            redo
          </button>
          <Pick
            name="removed units hold"
            from={edits}
            at={edit}
            set={(other) => go(to.live(wanted, other))}
          />
          <button
            type="button"
            disabled={!units.length}
            onClick={() => navigator.clipboard?.writeText(location.href)}
          >
            copy link
          </button>
        </p>
        {state?.live && (
          <Experiments
            state={state}
            units={units}
            edit={edit}
            changed={(experiments) => setState({ ...state, experiments })}
          />
        )}
      </Bench>
      {found && found.units > 0 && <Outcome found={found.answer} late={late} />}
    </section>
  );
}

/** The width that the map has: all of a small screen, else the half beside the answer. */
const room = () => {
  const wide = document.querySelector("main")!.clientWidth - 40;
  return innerWidth > 992 ? (wide - 32) / 2 : wide;
};

function UnitMap({
  table,
  units,
  set,
}: {
  table: Table;
  units: Unit[];
  set: (units: Unit[]) => void;
}) {
  const audit = useAudit();
  const classes = table.distinct("class") as string[];
  const [name, setName] = useState(classes[0]);
  const rows = useMemo(() => table.rows({ class: name }), [table, name]);
  const now = useRef(units);
  now.current = units;
  const key = written(units, audit.outline.sites);
  const cells = useMemo(() => {
    const gone = new Set(units.map(String));
    return laid(
      audit,
      table,
      rows,
      (...unit) => set(toggled(now.current, unit)),
      (...unit) => gone.has(String(unit)),
      room(),
    );
  }, [table, rows, key]);
  const most = useMemo(() => needed(table, name), [table, name]);
  const grouped = useMemo(
    () =>
      parts
        .flatMap((own) => Object.entries(own.sets ?? {}))
        .map(([name, of]) => [name, of(audit)] as const),
    [audit],
  );
  return (
    <Frame
      caption={`Choose units on the map to remove them. Orange: class ${shown(name)} loses without the unit; blue: it gains; full colour at ±${shown(cells.limit)} ${table.about("effect").unit}. The units that a class needs most, and a circuit (the units at both ends of a class's strongest edges), were chosen on the selection split, clusters too; what you choose by the map's colours is chosen on the examples that it is measured on, so its drop is a little flattered.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        <Pick name="coloured by the effect on class" from={classes} at={name} set={setName} />
        {most.length > BUTTONS ? (
          <Choose name={`remove what ${shown(name)} needs most`} sets={most} set={set} />
        ) : (
          most.map((one) => (
            <button type="button" key={one.name} onClick={() => set(one.units)}>
              remove {one.name}
            </button>
          ))
        )}
        {grouped.map(([name, sets]) => (
          <Choose key={name} name={`remove a ${name}`} sets={sets} set={set} />
        ))}
      </p>
      <Missing what="Removing sets that work together" of={(own) => own.sets} />
      <Grid cells={cells} label="Map of the network. Enter removes a unit or puts it back." />
    </Frame>
  );
}

/** Steps through the sets that were looked at: for buttons, and by the keys u and U. */
function useTrail(address: string): { back?: () => void; forth?: () => void } {
  const trail = useRef(started(address));
  trail.current = reached(trail.current, address);
  const step = (by: number) => {
    if (!stepped(trail.current, by)) return undefined;
    return () => {
      trail.current = stepped(trail.current, by) ?? trail.current;
      go(trail.current.sets[trail.current.at]);
    };
  };
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (
        e.key.toLowerCase() === "u" &&
        !e.ctrlKey &&
        !e.metaKey &&
        !(e.target as HTMLElement).matches?.("input, select, textarea")
      )
        step(e.key === "u" ? -1 : 1)?.();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  return { back: step(-1), forth: step(1) };
}

/** A list of named sets; choosing one removes it. */
function Choose({
  name,
  sets,
  set,
}: {
  name: string;
  sets: NamedSet[];
  set: (units: Unit[]) => void;
}) {
  if (!sets.length) return null;
  return (
    <label class="pick">
      {name}{" "}
      <select
        value=""
        onChange={(e) => {
          const one = sets[Number(e.currentTarget.value)];
          e.currentTarget.value = "";
          if (one) set(one.units);
        }}
      >
        <option value="">choose…</option>
        {sets.map((one, i) => (
          <option key={i} value={String(i)}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What all classes together lose by a kept set, as its file tells. */
function cost({ overall: { n, before, after, drop, random }, created }: Saved): string {
  const points = (e: Estimate) => `${fixed(100 * e.value, 1)} ${between(e)}`;
  if (!before || !after || !drop) return created;
  return `${percent(before.value)} → ${percent(after.value)}, drop ${points(drop)} points${random ? `, ${random.sets} random sets ${points(random)}` : ""}, n = ${n}; ${created}`;
}

function Experiments({
  state,
  units,
  edit,
  changed,
}: {
  state: State;
  units: Unit[];
  edit: string;
  changed: (all: Saved[]) => void;
}) {
  const audit = useAudit();
  const [name, setName] = useState("");
  const [answer, setAnswer] = useState("");
  const keep = () =>
    ask<Saved>("keep", { name, units, edit }).then(
      (one) => {
        changed([...state.experiments, one]);
        setName("");
        setAnswer("kept in the audit's folder");
      },
      (e: Error) => setAnswer(e.message),
    );
  const forget = ({ id, name }: Saved) =>
    ask("forget", { id }).then(
      () => {
        changed(state.experiments.filter((one) => one.id !== id));
        setAnswer(`${name} is deleted`);
      },
      (e: Error) => setAnswer(e.message),
    );
  return (
    <>
      <h3>Experiments</h3>
      <form
        class="tools"
        onSubmit={(e) => {
          e.preventDefault();
          keep();
        }}
      >
        <label>
          name{" "}
          <input value={name} maxLength={120} onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <button type="submit" disabled={!name.trim() || !units.length}>
          keep this set
        </button>
        <span role="status">{answer}</span>
      </form>
      <ul>
        {state.experiments.map((one) => (
          <li key={one.id}>
            <a href={to.live(written(one.asked.units, audit.outline.sites), one.asked.edit)}>
              {one.name}
            </a>{" "}
            ({shown(one.asked.units.length)} units, {one.asked.edit}) <small>{cost(one)}</small>{" "}
            <button type="button" aria-label={`delete ${one.name}`} onClick={() => forget(one)}>
              delete
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
