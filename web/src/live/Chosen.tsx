// Which input is asked about: an example by its number, or what was drawn; shown as what it is.

import { useEffect, useState } from "preact/hooks";
import { useAudit } from "../views/context";
import { Example, Tokens, unpadded } from "../views/Example";
import { Pixels } from "../views/Pixels";
import { Refused } from "./Bench";
import { Cut, useSheet } from "./Cut";
import { DRAWN, type Input, ownInput } from "./own";
import type { State } from "./server";
import { numberIn } from "./typed";

/** A field for an example's number; what is none is refused in a line, and nothing is asked. */
export function ExampleField({
  state,
  place,
  label,
  open,
}: {
  state: State;
  place: string;
  label: string;
  open: (place: number) => void;
}) {
  const [text, setText] = useState(place);
  const [why, setWhy] = useState("");
  const known = /^\d+$/.test(place) ? place : "";
  useEffect(() => {
    setText(known);
    setWhy("");
  }, [known]);
  const take = () => {
    if (text.trim() === known) return setWhy("");
    const number = numberIn(text, {
      what: "An example",
      low: 0,
      high: state.examples - 1,
      whole: true,
    });
    if (typeof number === "string") return setWhy(number);
    setWhy("");
    open(number);
  };
  return (
    <>
      <form
        class="tools"
        onSubmit={(e) => {
          e.preventDefault();
          take();
        }}
      >
        <label>
          {label}{" "}
          <input
            class="short"
            inputMode="numeric"
            placeholder={`0 to ${state.examples - 1}`}
            value={text}
            onInput={(e) => setText(e.currentTarget.value)}
            onBlur={() => text.trim() && take()}
          />
        </label>
        <button type="submit">take it</button>
        <button type="button" onClick={() => open(Math.floor(Math.random() * state.examples))}>
          any example
        </button>
      </form>
      <Refused why={why} />
    </>
  );
}

/** An input as a small picture, a text, a row of features or curves. */
export function Shown({ input, size = 112 }: { input: Input; size?: number }) {
  const audit = useAudit();
  if (typeof input !== "number") return <Own input={input} size={size} />;
  const place = audit.images?.examples.indexOf(input) ?? -1;
  if (place >= 0 && !audit.images!.sheet)
    return (
      <span class="picture plain">
        <Example place={place} />
      </span>
    );
  return <Sheeted example={input} size={size} />;
}

function Sheeted({ example, size }: { example: number; size: number }) {
  const sheet = useSheet([example]);
  return sheet ? (
    <Cut sheet={sheet} place={0} label={`Example ${example}`} size={size} />
  ) : (
    <span class="picture plain">example {example}</span>
  );
}

/** What was drawn or typed, small. */
function Own({ input, size }: { input: Exclude<Input, number>; size: number }) {
  const { inputs } = useAudit(),
    { values, text } = input;
  if (text !== undefined) return <Tokens words={unpadded(text.split(/\s+/))} />;
  const planes = values as number[][][];
  if (inputs.kind !== "image" || !Array.isArray(planes?.[0]?.[0]))
    return <span class="picture plain">your {inputs.example}</span>;
  const flat = planes[0].flatMap((row, y) =>
    row.flatMap((_, x) => planes.map((plane) => plane[y][x])),
  );
  const [low, high] = [Math.min(...flat), Math.max(...flat)];
  return (
    <Pixels
      values={flat.map((v) => Math.round((255 * (v - low)) / (high - low || 1)))}
      planes={planes.length}
      width={planes[0][0].length}
      label="What you drew"
      size={size}
    />
  );
}

/** What an input is called in a sentence. */
export const named = (place: string, one: string) =>
  place === DRAWN ? `your ${one}` : `example ${place}`;

/** Where the input of one view is looked at in the others. */
export function Elsewhere({ place, links }: { place: string; links: [string, string][] }) {
  if (!place && ownInput() === null) return null;
  return (
    <p class="tools">
      {links.map(([words, hash]) => (
        <a key={hash} href={hash}>
          {words}
        </a>
      ))}
    </p>
  );
}
