// Some of many things at a time.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** The things shown now, and the buttons that turn to others, where there are more than `size`. */
export function usePages<T>(
  all: readonly T[],
  size: number,
  what = "units",
): [T[], ComponentChildren] {
  const [first, setFirst] = useState(0);
  const from = first < all.length ? first : 0,
    until = Math.min(all.length, from + size);
  const turn = (word: string, to: number) => (
    <button type="button" disabled={to < 0 || to >= all.length} onClick={() => setFirst(to)}>
      {word} {what}
    </button>
  );
  return [
    all.slice(from, until),
    all.length > size && (
      <>
        {turn("previous", from - size)} {turn("next", from + size)}{" "}
        <span class="pick">
          {from + 1} to {until} of {all.length}
        </span>
      </>
    ),
  ];
}
