// What is done and what comes of it: beside one another, and where there is no room the answer stays at the lower edge.

import type { ComponentChildren } from "preact";

export function Bench({
  children,
  seen,
}: {
  children: ComponentChildren;
  seen: ComponentChildren;
}) {
  return (
    <div class="bench">
      <div class="acts">{children}</div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach that */}
      <section class="seen" aria-label="What comes of it" tabIndex={0}>
        {seen}
      </section>
    </div>
  );
}

/** Why something can't be done; nothing where it can. */
export function Refused({ why }: { why: string }) {
  return why ? (
    <p class="caveat" role="alert">
      {why}
    </p>
  ) : null;
}
