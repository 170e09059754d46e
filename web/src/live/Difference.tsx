// How much something changed: a bar from zero on an axis of its own, which the head of its column tells.

import { reach } from "./typed";

/** Ends of the axis, on either side of zero, in points. */
export interface Axis {
  low: number;
  high: number;
}

export interface Range {
  lo: number;
  hi: number;
}

/** An axis for these changes; it ends at zero on the side where there are none. */
export function axisOf(values: number[]): Axis {
  const known = values.filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  return {
    low: low < 0 ? -reach([low]) : 0,
    high: high > 0 ? reach([high]) : low < 0 ? 0 : 1,
  };
}

const signed = (value: number) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)}`;

/** The numbers at the ends of the axis and at zero. */
export function Ticks({ axis, unit }: { axis: Axis; unit: string }) {
  const share = zero(axis);
  return (
    <span class="ticks">
      <i style={{ left: 0 }}>{signed(axis.low)}</i>
      {share > 15 && share < 85 && (
        <i class="roomy" style={{ left: `${share}%`, translate: "-50%" }}>
          0
        </i>
      )}
      <i style={{ right: 0 }}>{signed(axis.high)}</i>
      <span class="sr">{unit}</span>
    </span>
  );
}

const zero = ({ low, high }: Axis) => (100 * -low) / (high - low || 1);

/** An axis for most of the changes, where one of them is so large that the others can't be seen; none where there is no need. */
export function closer(axis: Axis, values: number[]): Axis | null {
  const sizes = values
    .filter(Number.isFinite)
    .map(Math.abs)
    .sort((a, b) => a - b);
  const end = reach([sizes[Math.floor(sizes.length / 2)] ?? 0]);
  return 4 * end <= Math.max(-axis.low, axis.high) ? { low: -end, high: end } : null;
}

/** A change (none where it would be told as 0.0) with its interval (line) and, in grey, where random ones lie; an arrow where it goes on beyond the axis. */
export function Difference({
  axis,
  value,
  interval,
  random,
  title,
}: {
  axis: Axis;
  value: number;
  interval?: Range;
  random?: Range;
  title: string;
}) {
  const at = (points: number) =>
    Math.max(0, Math.min(100, (100 * (points - axis.low)) / (axis.high - axis.low || 1)));
  const between = (a: number, b: number) => ({
    left: `${at(Math.min(a, b))}%`,
    width: `${Math.abs(at(b) - at(a))}%`,
  });
  const beyond = value < axis.low ? "◂" : value > axis.high ? "▸" : "";
  return (
    <span class="difference" role="img" aria-label={title} title={title}>
      {random && <u style={between(random.lo, random.hi)} />}
      {Math.abs(value) >= 0.05 && (
        <i
          class={value < 0 ? "loss" : "gain"}
          style={between(Math.min(0, value), Math.max(0, value))}
        />
      )}
      {interval && <s style={between(interval.lo, interval.hi)} />}
      <b style={{ left: `${zero(axis)}%` }} />
      {beyond && <em class={value < 0 ? "loss" : "gain"}>{beyond}</em>}
    </span>
  );
}
