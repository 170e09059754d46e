// What was typed into a field: what it means, or why it can't be meant. Nothing is clipped.

import { shown } from "../wording";

export interface Allowed {
  /** What the number is called. */
  what: string;
  low: number;
  high: number;
  whole?: boolean;
}

/** A number within its range, or a line that says why it is none. */
export function numberIn(text: string, { what, low, high, whole }: Allowed): number | string {
  const range = `${whole ? "a whole number" : "a number"} from ${shown(low)} to ${shown(high)}`;
  const typed = text.trim().replace("−", "-");
  if (!typed) return `${what} is ${range}; the field is empty: type one.`;
  const value = Number(typed);
  if (!Number.isFinite(value) || (whole && !Number.isInteger(value)))
    return `${what} is ${range}, not “${cut(text)}”; type one of those.`;
  // a limit that is shown with four digits may be typed as it is shown
  const slack = 1e-3 * Math.max(Math.abs(low), Math.abs(high));
  if (value < low)
    return !whole && value >= low - slack && shown(value) === shown(low) ? low : far();
  if (value > high)
    return !whole && value <= high + slack && shown(value) === shown(high) ? high : far();
  return value;
  function far(): string {
    return `${what} is ${range}, as in the data; “${cut(text)}” is beyond that: type one of those.`;
  }
}

/** Numbers of units with commas between them; nothing for all; or a line that says what is wrong. */
export function unitsTyped(text: string, count: number, site: string): number[] | null | string {
  if (!text.trim()) return null;
  const parts = text.split(",").map((part) => part.trim());
  const wrong = parts.find((part) => !/^\d+$/.test(part));
  if (wrong !== undefined)
    return `Units are whole numbers with commas between them, as 3, 17, or nothing for all; not “${cut(wrong)}”.`;
  const beyond = parts.find((part) => Number(part) >= count);
  if (beyond !== undefined)
    return `${site} has units 0 to ${count - 1}; there is no unit ${cut(beyond)}: type one of those.`;
  return [...new Set(parts.map(Number))];
}

/** Whole numbers of tokens with spaces between them, as many as a text has; or a line that says what is wrong. */
export function numbersTyped(
  text: string,
  count: number,
  [low, high]: [number, number],
): number[] | string {
  const allowed = `${count} whole numbers from ${low} to ${high} with spaces between them`;
  const parts = text.split(/[\s,]+/).filter(Boolean);
  const wrong = parts.find(
    (part) => !/^-?\d+$/.test(part) || Number(part) < low || Number(part) > high,
  );
  if (wrong !== undefined)
    return `A text is ${allowed}, as in the data, not “${cut(wrong)}”; type one of those.`;
  if (parts.length !== count) return `A text is ${allowed}, got ${parts.length}; type ${count}.`;
  return parts.map(Number);
}

const cut = (text: string) => (text.length > 20 ? `${text.slice(0, 20)}…` : text);

/** The next larger of 1, 2, 3, 5, 10, 20, 30 …: where an axis ends that holds all of these. */
export function reach(values: number[]): number {
  const most = Math.max(...values.filter(Number.isFinite).map(Math.abs), 0);
  if (most === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([1, 2, 3, 5, 10].find((step) => step * power >= most * (1 - 1e-9)) ?? 10);
}
