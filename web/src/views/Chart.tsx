// Drawings by Observable Plot. Its own style element is left out: the page's policy allows one sheet.

import * as Plot from "@observablehq/plot";
import { useEffect, useRef } from "preact/hooks";
import { onTheme } from "../colour";

export function Chart({ label, make }: { label: string; make: (width: number) => Plot.PlotOptions }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const draw = () => {
      const width = Math.max(280, Math.min(760, box.current!.clientWidth));
      const svg = Plot.plot({ className: "plot", ariaLabel: label, ...make(width), width });
      svg.querySelectorAll("style").forEach((s) => s.remove());
      svg.querySelectorAll("g[aria-label]").forEach((g) => g.setAttribute("role", "group"));
      svg.setAttribute("role", "img");
      box.current!.replaceChildren(svg);
    };
    draw();
    let wide = box.current!.clientWidth;
    const watch = new ResizeObserver(() => {
      const now = box.current?.clientWidth ?? wide;
      if (Math.abs(now - wide) > 24) (wide = now), draw();
    });
    watch.observe(box.current!);
    const off = onTheme(draw);
    return () => (off(), watch.disconnect());
  }, [label, make]);
  return <div class="chart" ref={box} />;
}
