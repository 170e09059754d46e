// The input that was drawn or typed last, so that another view can go on with it.

/** What the server is asked about; an example's place, or numbers or a text of one's own. */
export type Input = number | { values?: unknown; text?: string; inputs_of?: number };

export const DRAWN = "drawn";

let drawn: Input | null = null;
let start = 0;

/** Keep what was drawn, and the example that it began as. */
export function hold(input: Input | null, from = 0): void {
  drawn = input;
  start = from;
}

export const ownInput = (): Input | null => drawn;
export const begun = (): number => start;

/** The input that an address names, or why it names none. */
export function inputAt(place: string, count: number, one: string): Input | string {
  if (place === DRAWN)
    return drawn ?? `No ${one} of your own is here (any more): draw one first, or take an example.`;
  const number = Number(place);
  return /^\d+$/.test(place) && number < count
    ? number
    : `There is no example “${place.slice(0, 20)}”: the data have 0 to ${count - 1}; take one of those.`;
}
