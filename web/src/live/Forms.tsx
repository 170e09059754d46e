// Forms for inputs that are no pictures: a field for each feature, a text, curves that can be drawn.

import { useEffect, useRef, useState } from "preact/hooks";
import { shown } from "../wording";
import { Refused } from "./Bench";
import type { Input } from "./own";
import type { Feature, State, Values } from "./server";
import { numberIn, numbersTyped } from "./typed";

interface Given {
  state: State;
  /** The example that the form starts from, and what it holds. */
  start: number;
  values: Values;
  typed: (input: Input) => void;
}

/** Whether inputs can be typed or drawn in a form. */
export const hasForm = ({ features, kind, channels }: State) =>
  Boolean(features) || kind === "tokens" || Boolean(channels);

/** The form for inputs of a kind. */
export function InputForm(given: Given) {
  const { state } = given;
  if (state.features) return <TableForm {...given} features={state.features} />;
  return state.kind === "tokens" ? <TextForm {...given} /> : <SeriesForm {...given} />;
}

/** What else the model is given is that of the example that the form starts from. */
export const withRest = (state: State, start: number, own: object): Input =>
  state.also.length ? { ...own, inputs_of: start } : own;

/** So many fields stand at a time. */
const FIELDS = 30;

/** A feature's values may come from single precision: as short as they can be told. */
const written = (value: number) => String(Number(value.toPrecision(6)));

function TableForm({
  state,
  start,
  values: given,
  typed,
  features,
}: Given & { features: Feature[] }) {
  const own = given.values as number[];
  const [values, setValues] = useState(own);
  const [texts, setTexts] = useState<Record<number, string>>({});
  const [whys, setWhys] = useState<Record<number, string>>({});
  useEffect(() => {
    setValues(own);
    setTexts({});
    setWhys({});
  }, [given]);
  const [wanted, setWanted] = useState("");
  const places = features
    .map((_, i) => i)
    .filter((i) => features[i].name.toLowerCase().includes(wanted.trim().toLowerCase()));
  const put = (i: number, value: number) => {
    const next = values.map((old, at) => (at === i ? value : old));
    setValues(next);
    setWhys({ ...whys, [i]: "" });
    typed(withRest(state, start, { values: next }));
  };
  const type = (i: number, text: string) => {
    setTexts({ ...texts, [i]: text });
    const { name, low, high } = features[i];
    const number = numberIn(text, { what: name, low, high });
    if (typeof number === "string") setWhys({ ...whys, [i]: number });
    else put(i, number);
  };
  return (
    <>
      {features.length > FIELDS && (
        <p class="tools">
          <label>
            find a feature{" "}
            <input value={wanted} onInput={(e) => setWanted(e.currentTarget.value)} />
          </label>
          {places.length
            ? `${Math.min(FIELDS, places.length)} of ${features.length} are here`
            : "no feature is called so"}
        </p>
      )}
      <table class="fields">
        <tbody>
          {places
            .slice(0, FIELDS)
            .map((i) => [features[i], i] as const)
            .map(([feature, i]) => (
              <tr key={feature.name}>
                <th scope="row" class="fields-name">
                  {feature.name}
                </th>
                {feature.values && feature.values.length > 1 ? (
                  <td colSpan={2}>
                    <select
                      aria-label={feature.name}
                      value={String(feature.values.indexOf(values[i]))}
                      onChange={(e) => put(i, feature.values![Number(e.currentTarget.value)])}
                    >
                      {feature.values.map((value, at) => (
                        <option key={at} value={String(at)}>
                          {written(value)}
                        </option>
                      ))}
                    </select>
                  </td>
                ) : (
                  <>
                    <td>
                      <input
                        type="range"
                        aria-label={`${feature.name}, from ${shown(feature.low)} to ${shown(feature.high)}`}
                        min={feature.low}
                        max={feature.high}
                        step="any"
                        value={values[i]}
                        onInput={(e) => {
                          const { [i]: _, ...rest } = texts;
                          setTexts(rest);
                          put(i, Number(e.currentTarget.value));
                        }}
                      />
                    </td>
                    <td>
                      <input
                        class="short"
                        inputMode="decimal"
                        aria-label={`${feature.name} as a number`}
                        aria-invalid={Boolean(whys[i])}
                        value={texts[i] ?? written(values[i])}
                        onInput={(e) => type(i, e.currentTarget.value)}
                      />
                    </td>
                  </>
                )}
              </tr>
            ))}
        </tbody>
      </table>
      <Refused why={Object.values(whys).find(Boolean) ?? ""} />
    </>
  );
}

/** A text, or the numbers of its tokens where nothing names them. */
function TextForm({ state, start, values: given, typed }: Given) {
  const first = state.words ? (given.text ?? "") : (given.values as number[]).join(" ");
  const [text, setText] = useState(first);
  const [why, setWhy] = useState("");
  useEffect(() => {
    setText(first);
    setWhy("");
  }, [given]);
  const length = state.shape[0];
  const type = (text: string) => {
    setText(text);
    if (state.words) return typed(withRest(state, start, { text }));
    const numbers = numbersTyped(text, length, state.range);
    if (typeof numbers === "string") return setWhy(numbers);
    setWhy("");
    typed(withRest(state, start, { values: numbers }));
  };
  return (
    <>
      <label class="text">
        {state.words
          ? `A text of ${state.padded ? "up to " : ""}${length} tokens`
          : `The numbers of ${length} tokens, with spaces between them`}
        <textarea rows={3} value={text} onInput={(e) => type(e.currentTarget.value)} />
      </label>
      <Refused why={why} />
    </>
  );
}

const LINES = ["var(--link)", "var(--warn)", "#009e73", "#cc79a7", "var(--soft)"];
const [WIDE, HIGH] = [480, 180];

/** A series channel by channel: drawing on the plane sets the steps under the pointer. */
function SeriesForm({ state, start, values: given, typed }: Given) {
  const { channels = 1, steps = 1, first, low = [0], high = [1] } = state;
  const rows = given.values as number[][];
  const at = (all: number[][], c: number, t: number) => (first ? all[t][c] : all[c][t]);
  const [values, setValues] = useState(rows);
  const [channel, setChannel] = useState(0);
  const [step, setStep] = useState(0);
  const [text, setText] = useState("");
  const [why, setWhy] = useState("");
  const now = useRef(rows);
  const last = useRef<[number, number] | null>(null);
  useEffect(() => {
    now.current = rows;
    setValues(rows);
    setWhy("");
  }, [given]);
  useEffect(() => setText(written(at(values, channel, step))), [values, channel, step]);
  const put = (changes: [number, number][]) => {
    const next = now.current.map((row) => [...row]);
    for (const [t, value] of changes) {
      if (first) next[t][channel] = value;
      else next[channel][t] = value;
    }
    now.current = next;
    setValues(next);
  };
  const room = high[channel] - low[channel] || 1;
  const point = (e: PointerEvent): [number, number] => {
    const box = (e.currentTarget as Element).getBoundingClientRect();
    const share = (value: number) => Math.max(0, Math.min(1, value));
    const t = Math.round(share((e.clientX - box.left) / box.width) * (steps - 1));
    return [t, high[channel] - share((e.clientY - box.top) / box.height) * room];
  };
  const stroke = (e: PointerEvent) => {
    if (!last.current) return;
    const [t, value] = point(e),
      [from, old] = last.current;
    const span = Math.abs(t - from) || 1,
      side = Math.sign(t - from);
    put(
      Array.from({ length: span + (t === from ? 0 : 1) }, (_, i): [number, number] => [
        from + side * i,
        t === from ? value : old + ((value - old) * i) / span,
      ]),
    );
    last.current = [t, value];
  };
  const done = () => {
    if (!last.current) return;
    last.current = null;
    typed(withRest(state, start, { values: now.current }));
  };
  const type = (text: string) => {
    setText(text);
    const number = numberIn(text, {
      what: `Step ${step} of channel ${channel}`,
      low: low[channel],
      high: high[channel],
    });
    if (typeof number === "string") return setWhy(number);
    setWhy("");
    put([[step, number]]);
    typed(withRest(state, start, { values: now.current }));
  };
  return (
    <>
      <svg
        class="sheet series"
        viewBox={`0 0 ${WIDE} ${HIGH}`}
        role="img"
        aria-label="Curves of the series: draw on them with the pointer, or type a step's value below"
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId);
          last.current = point(e);
          stroke(e);
        }}
        onPointerMove={stroke}
        onPointerUp={done}
      >
        {Array.from({ length: channels }, (_, c) => (
          <polyline
            key={c}
            points={Array.from(
              { length: steps },
              (_, t) =>
                `${(WIDE * t) / Math.max(1, steps - 1)},${HIGH - (HIGH * (at(values, c, t) - low[c])) / (high[c] - low[c] || 1)}`,
            ).join(" ")}
            fill="none"
            stroke={LINES[c % LINES.length]}
            stroke-width={c === channel ? 3 : 1.5}
            stroke-opacity={c === channel ? 1 : 0.6}
          />
        ))}
      </svg>
      <p class="tools">
        {channels > 1 && (
          <label>
            draw channel{" "}
            <select
              value={String(channel)}
              onChange={(e) => setChannel(Number(e.currentTarget.value))}
            >
              {Array.from({ length: channels }, (_, c) => (
                <option key={c} value={String(c)}>
                  {c}
                </option>
              ))}
            </select>
          </label>
        )}
        from {shown(low[channel])} at the lower edge to {shown(high[channel])}
      </p>
      <p class="tools">
        <label>
          step{" "}
          <input
            type="range"
            min={0}
            max={steps - 1}
            value={step}
            onInput={(e) => setStep(Number(e.currentTarget.value))}
          />{" "}
          {step}
        </label>
        <label>
          its value{" "}
          <input
            class="short"
            inputMode="decimal"
            value={text}
            onInput={(e) => type(e.currentTarget.value)}
          />
        </label>
      </p>
      <Refused why={why} />
    </>
  );
}
