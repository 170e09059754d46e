// What stands for an input that is no picture: a text, the features by their names, the curves of a series.

import { colour, palette } from "../colour";
import type { Audit } from "../data";
import { shown } from "../wording";
import { useAudit } from "./context";

const [SHORT, FEATURES, BEYOND] = [16, 24, 3];
/** What tokenizers put at the end of short texts. */
const PADS = ["[PAD]", "<pad>", "PAD"];

/** A token as it stands in a text: parts of words hang together. */
const spelt = (word: string) =>
  word.startsWith("##") ? word.slice(2) : ` ${word.replace(/^[Ġ▁]/, "")}`;

/** A text, token by token: coloured by a number of each, the place of a unit's largest value marked. */
export function Tokens({
  words,
  mark,
  span = 1,
  values,
  limit = 1,
  title,
}: {
  words: string[];
  mark?: number;
  /** How many tokens from the marked one on a unit sees there. */
  span?: number;
  values?: ArrayLike<number>;
  limit?: number;
  title?: (place: number) => string;
}) {
  const by = palette();
  return (
    <span class="tokens">
      {words.map((word, place) => {
        const value = values?.[place] ?? NaN;
        const style = Number.isFinite(value)
          ? { background: colour(value, limit, by), color: inkOn(value, limit) }
          : undefined;
        const text = spelt(word);
        return (
          <span key={place} title={title?.(place)}>
            {text.startsWith(" ") && " "}
            {marked(place, mark, span) ? (
              <mark>{text.trim()}</mark>
            ) : (
              <span style={style}>{text.trim()}</span>
            )}
          </span>
        );
      })}
    </span>
  );
}

const marked = (place: number, mark = Number.NaN, span: number) =>
  place >= mark && place < mark + span;

/** Letters stay readable on full colour. */
const inkOn = (value: number, limit: number) =>
  Math.abs(value) > 0.5 * limit ? "var(--paper)" : undefined;

/** The tokens of an example, without the padding at its end. */
export function wordsOf(audit: Audit, values: ArrayLike<number>): string[] {
  const { words = {} } = audit.inputs;
  return unpadded(Array.from(values, (number) => words[String(number)] ?? `#${number}`));
}

export function unpadded(words: string[]): string[] {
  const last = words.findLastIndex((word) => !PADS.includes(word));
  return words.slice(0, Math.max(1, last + 1));
}

/** Some tokens around a place, where a text is long. */
function around(words: string[], mark = 0): [string[], number] {
  if (words.length <= SHORT) return [words, 0];
  const start = Math.max(0, Math.min(mark - SHORT / 2, words.length - SHORT));
  const some = words.slice(start, start + SHORT);
  return [[...(start ? ["…"] : []), ...some, "…"], start ? start - 1 : 0];
}

export function Example({
  place,
  mark,
  span,
  large = false,
}: {
  place: number;
  mark?: number;
  span?: number;
  large?: boolean;
}) {
  const audit = useAudit(),
    { kind } = audit.inputs;
  const values = audit.example(place);
  if (kind === "tokens") {
    const words = wordsOf(audit, values);
    const [some, before] = large ? [words, 0] : around(words, mark);
    return (
      <Tokens words={some} mark={mark === undefined ? undefined : mark - before} span={span} />
    );
  }
  if (kind === "series") return <Curves values={values} large={large} mark={mark} span={span} />;
  return large ? <Features values={values} /> : <Bars values={values} />;
}

/** How far each feature lies from its mean, in standard deviations. */
function standings(audit: Audit, values: ArrayLike<number>): number[] {
  const ends = audit.ends();
  return Array.from(values, (value, i) => {
    const [mean, spread] = [ends[i] ?? 0, ends[values.length + i] ?? 1];
    return Math.max(-BEYOND, Math.min(BEYOND, (value - mean) / (spread || 1)));
  });
}

/** All features as thin bars: up where above the mean, down where below. */
function Bars({ values }: { values: ArrayLike<number> }) {
  const all = standings(useAudit(), values),
    wide = Math.max(2, Math.min(8, Math.floor(64 / all.length)));
  return (
    <svg
      class="input"
      width={wide * all.length}
      height={44}
      viewBox={`0 0 ${wide * all.length} 44`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <line x1={0} x2={wide * all.length} y1={22} y2={22} stroke="var(--soft)" />
      {all.map((z, i) => (
        <rect
          key={i}
          x={wide * i}
          width={Math.max(1, wide - 1)}
          y={z > 0 ? 22 - 7 * z : 22}
          height={Math.abs(7 * z)}
          fill={z > 0 ? "var(--link)" : "var(--warn)"}
        />
      ))}
    </svg>
  );
}

export const featureName = (audit: Audit, i: number) => audit.inputs.features[i] ?? `input ${i}`;

/** Features by their names, those furthest from their means in front. */
function Features({ values }: { values: ArrayLike<number> }) {
  const audit = useAudit(),
    all = standings(audit, values);
  const order = all.map((_, i) => i).sort((a, b) => Math.abs(all[b]) - Math.abs(all[a]));
  return (
    <Named
      rows={order.slice(0, FEATURES).map((i) => ({
        name: featureName(audit, i),
        value: all[i],
        words: `${shown(values[i])} (${shown(Number(all[i].toPrecision(2)), true)} SD)`,
      }))}
      limit={BEYOND}
      more={order.length - FEATURES}
    />
  );
}

/** Numbers beside their names, as bars from the middle. */
export function Named({
  rows,
  limit,
  more = 0,
}: {
  rows: { name: string; value: number; words: string }[];
  limit: number;
  more?: number;
}) {
  return (
    <table class="named">
      <tbody>
        {rows.map(({ name, value, words }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="bar">
              <i
                style={{
                  left: `${50 + Math.min(0, (50 * value) / limit)}%`,
                  width: `${Math.min(50, (50 * Math.abs(value)) / limit)}%`,
                  background: value > 0 ? "var(--link)" : "var(--warn)",
                }}
              />
            </td>
            <td>{words}</td>
          </tr>
        ))}
        {more > 0 && (
          <tr>
            <td colSpan={3}>and {more} more, nearer to their means</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

const LINES = ["var(--link)", "var(--warn)", "#009e73", "#cc79a7", "var(--soft)"];

/** A series as one curve for each channel, all on the channel's own scale. */
function Curves({
  values,
  large,
  mark,
  span = 1,
}: {
  values: ArrayLike<number>;
  large: boolean;
  mark?: number;
  span?: number;
}) {
  const audit = useAudit(),
    [channels, steps] = audit.exampleShape();
  const [wide, high] = large ? [480, 160] : [110, 44];
  const ends = audit.ends();
  const points = (c: number) => {
    const [low, top] = [ends[c] ?? 0, ends[channels + c] ?? 1];
    return Array.from({ length: steps }, (_, t) => {
      const y = (values[c * steps + t] - low) / (top - low || 1);
      return `${((wide * t) / (steps - 1)).toFixed(1)},${(high - 2 - (high - 4) * y).toFixed(1)}`;
    }).join(" ");
  };
  const own = mark === undefined ? undefined : (wide * mark) / (steps - 1);
  return (
    <svg
      class="input"
      width={wide}
      height={high}
      viewBox={`0 0 ${wide} ${high}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {own !== undefined && (
        <rect
          x={own}
          width={Math.max(1, (wide * span) / steps)}
          height={high}
          fill="#e69f00"
          fill-opacity={0.4}
        />
      )}
      {Array.from({ length: channels }, (_, c) => (
        <polyline
          key={c}
          points={points(c)}
          fill="none"
          stroke={LINES[c % LINES.length]}
          stroke-width={large ? 1.5 : 1}
        />
      ))}
    </svg>
  );
}
