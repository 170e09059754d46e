// A part of the page with a scroll of its own, which keys can reach.

import type { ComponentChildren, TargetedEvent } from "preact";

export function Scrolled({
  label,
  way = "scroll",
  moved,
  children,
}: {
  label: string;
  way?: "scroll" | "sideways";
  moved?: (e: TargetedEvent<HTMLElement>) => void;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what only a pointer could scroll is closed to keys
    <section class={way} tabIndex={0} aria-label={label} onScroll={moved}>
      {children}
    </section>
  );
}
