// Drawings by Observable Plot. Its own style element is left out: the page's policy allows one sheet.

import * as Plot from "@observablehq/plot";
import { useEffect, useRef } from "preact/hooks";
import { onTheme } from "../colour";
import { go } from "../route";

/** What is said of the mark that is nearest to the pointer. */
export function tip<T>(
  of: readonly T[],
  place: { x: string | ((row: T) => unknown); y: string | ((row: T) => unknown) },
  title: (row: T) => string,
  nearest = Plot.pointer,
): Plot.Markish {
  return Plot.tip(of as T[], nearest({ ...place, title, fill: "var(--tint)" } as Plot.TipOptions));
}

export function Chart({
  label,
  make,
  address,
}: {
  label: string;
  make: (width: number) => Plot.PlotOptions;
  address?: (row: number) => string;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const draw = () => {
      if (!box.current) return; // a theme may change while the view goes
      const width = Math.max(280, Math.min(760, box.current.clientWidth));
      const drawn = Plot.plot({ className: "plot", ariaLabel: label, ...make(width), width });
      for (const style of drawn.querySelectorAll("style")) style.remove();
      for (const group of drawn.querySelectorAll("g[aria-label]"))
        group.removeAttribute("aria-label");
      const svg = drawn.matches("svg") ? drawn : drawn.querySelector(":scope > svg")!;
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", label);
      // The mark under the pointer leads to its card; by keyboard, the table's links do.
      if (address)
        drawn.addEventListener(
          "click",
          () => typeof drawn.value === "number" && go(address(drawn.value)),
        );
      drawn.classList.toggle("leads", Boolean(address));
      box.current.replaceChildren(drawn);
    };
    draw();
    let wide = box.current!.clientWidth;
    const watch = new ResizeObserver(() => {
      const now = box.current?.clientWidth ?? wide;
      if (Math.abs(now - wide) <= 24) return;
      wide = now;
      draw();
    });
    watch.observe(box.current!);
    const off = onTheme(draw);
    return () => {
      off();
      watch.disconnect();
    };
  }, [label, make, address]);
  return <div class="chart" ref={box} />;
}
