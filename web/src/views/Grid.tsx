// A canvas of cells that is read with the pointer or the arrow keys; only what is in sight is drawn.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onTheme, type Palette, palette } from "../colour";

export interface Spot {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Cells {
  width: number;
  height: number;
  /** Draw what lies between two horizontal places. */
  draw(pen: CanvasRenderingContext2D, left: number, right: number, by: Palette): void;
  /** The cell at a place, or -1. */
  at(x: number, y: number): number;
  spot(cell: number): Spot;
  /** The neighbour in a direction, or the same cell. */
  step(cell: number, right: number, down: number): number;
  lines(cell: number): string[];
  open?(cell: number): void;
}

/** Places of `high` rows of `wide` cells, numbered row by row. */
export function lattice(
  left: number,
  top: number,
  cw: number,
  ch: number,
  wide: number,
  high: number,
): Pick<Cells, "at" | "spot" | "step"> {
  const within = (n: number, most: number) => Math.max(0, Math.min(most - 1, n));
  return {
    at(x, y) {
      const [c, r] = [Math.floor((x - left) / cw), Math.floor((y - top) / ch)];
      return c >= 0 && c < wide && r >= 0 && r < high ? r * wide + c : -1;
    },
    spot: (cell) => ({
      x: left + (cell % wide) * cw,
      y: top + Math.floor(cell / wide) * ch,
      width: cw,
      height: ch,
    }),
    step: (cell, right, down) =>
      within((cell % wide) + right, wide) + wide * within(Math.floor(cell / wide) + down, high),
  };
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function Grid({ cells, label }: { cells: Cells; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const [now, setNow] = useState(-1);
  const [place, setPlace] = useState<{ x: number; y: number } | null>(null);
  const kept = useRef<{ cells?: Cells; stamp?: string; sheet: HTMLCanvasElement }>(null as never);
  kept.current ??= { sheet: document.createElement("canvas") };

  /** The whole map, for a figure that is taken along: what the window shows may be a part of it. */
  const whole = () => {
    const scale = Math.min(2, 16000 / cells.width);
    const drawn = Object.assign(document.createElement("canvas"), {
      width: Math.ceil(scale * cells.width),
      height: Math.ceil(scale * cells.height),
    });
    const pen = drawn.getContext("2d")!;
    pen.scale(scale, scale);
    Object.assign(pen, { font: "12px system-ui, sans-serif", textBaseline: "middle" });
    cells.draw(pen, 0, cells.width, palette());
    return { drawn, width: cells.width, height: cells.height };
  };
  const paint = () => {
    const box = scroll.current,
      sheet = canvas.current;
    if (!box || !sheet) return;
    const width = Math.max(1, Math.min(box.clientWidth, cells.width)),
      dense = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * dense), Math.round(cells.height * dense)];
    if (sheet.width !== w || sheet.height !== h) Object.assign(sheet, { width: w, height: h });
    Object.assign(sheet.style, { width: `${width}px`, height: `${cells.height}px` });
    const pen = sheet.getContext("2d")!;
    const by = palette();
    // Between two places of the pointer only the frame around a cell moves: the rest is kept.
    const stamp = [w, h, box.scrollLeft, by.ink].join();
    const last = kept.current;
    if (last.cells !== cells || last.stamp !== stamp) {
      Object.assign(last.sheet, { width: w, height: h });
      Object.assign(last, { cells, stamp });
      const own = last.sheet.getContext("2d")!;
      own.setTransform(dense, 0, 0, dense, 0, 0);
      own.translate(-box.scrollLeft, 0);
      own.font = "12px system-ui, sans-serif";
      own.textBaseline = "middle";
      cells.draw(own, box.scrollLeft, box.scrollLeft + width, by);
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.drawImage(last.sheet, 0, 0);
    pen.setTransform(dense, 0, 0, dense, -dense * box.scrollLeft, 0);
    // where more lies beyond an edge, a shade says so
    for (const [more, x] of [
      [box.scrollLeft > 1, box.scrollLeft],
      [box.scrollLeft + width < cells.width - 1, box.scrollLeft + width],
    ] as const) {
      if (!more) continue;
      const inside = x === box.scrollLeft ? x + 18 : x - 18,
        shade = pen.createLinearGradient(x, 0, inside, 0);
      shade.addColorStop(0, `${by.ink}66`);
      shade.addColorStop(1, `${by.ink}00`);
      pen.fillStyle = shade;
      pen.fillRect(Math.min(x, inside), 0, 18, cells.height);
    }
    if (now >= 0) {
      const s = cells.spot(now);
      pen.strokeStyle = by.ink;
      pen.lineWidth = 2;
      pen.strokeRect(s.x, s.y, s.width, s.height);
    }
  };
  const frame = useRef(0);
  const soon = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(paint);
  };
  useLayoutEffect(paint);
  useLayoutEffect(() => void Object.assign(canvas.current!, { whole }));
  useEffect(() => {
    const watch = new ResizeObserver(soon);
    watch.observe(scroll.current!);
    const off = onTheme(paint); // at once: what is printed waits for no frame
    return () => {
      watch.disconnect();
      off();
      cancelAnimationFrame(frame.current);
    };
  });
  // a map that is only coloured anew keeps its place: keys go on from there
  useEffect(() => setNow(-1), [cells.width, cells.height]);

  const point = (e: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return cells.at(e.clientX - box.left + scroll.current!.scrollLeft, e.clientY - box.top);
  };
  const hover = (e: MouseEvent) => {
    setNow(point(e));
    setPlace({ x: e.clientX, y: e.clientY });
  };
  const key = (e: KeyboardEvent) => {
    const step = STEPS[e.key];
    if (step) {
      const next = now < 0 ? 0 : cells.step(now, ...step);
      const s = cells.spot(next),
        box = scroll.current!;
      if (s.x < box.scrollLeft + 60) box.scrollLeft = Math.max(0, s.x - 120);
      if (s.x + s.width > box.scrollLeft + box.clientWidth)
        box.scrollLeft = s.x + s.width - box.clientWidth + 60;
      const at = canvas.current!.getBoundingClientRect();
      setNow(next);
      setPlace({ x: at.left + s.x + s.width - box.scrollLeft, y: at.top + s.y + s.height });
    } else if (e.key === "Enter" && now >= 0) cells.open?.(now);
    else if (e.key === "Escape") setNow(-1);
    else return;
    e.preventDefault();
  };
  const lines = now >= 0 ? cells.lines(now) : [];
  return (
    <div class="grid">
      <div class="sideways" ref={scroll} onScroll={soon} onWheel={() => setNow(-1)}>
        <div style={{ width: `${cells.width}px`, height: `${cells.height}px` }}>
          {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys walk its cells */}
          <canvas
            ref={canvas}
            tabIndex={0}
            role="application"
            aria-roledescription="map of cells"
            aria-label={`${label} Arrow keys move through it, Enter opens.`}
            onMouseMove={hover}
            onMouseLeave={() => setNow(-1)}
            onBlur={() => setNow(-1)}
            onKeyDown={key}
            onClick={(e) => {
              const cell = point(e);
              if (cell >= 0) cells.open?.(cell);
            }}
          />
        </div>
      </div>
      <p class="sr" role="status">
        {lines.join(", ")}
      </p>
      {lines.length > 0 && place && <Tip lines={lines} x={place.x} y={place.y} />}
    </div>
  );
}

export function Tip({ lines, x, y }: { lines: string[]; x: number; y: number }) {
  const left = Math.max(8, Math.min(x + 14, innerWidth - 270));
  // long lines are wrapped
  const high = 24 + 18 * lines.reduce((sum, line) => sum + Math.ceil(line.length / 38), 0);
  const top = y + high > innerHeight ? Math.max(0, y - high) : y + 14;
  return (
    <div class="tip" aria-hidden="true" style={{ left: `${left}px`, top: `${top}px` }}>
      {lines.map((line, i) => (
        <div key={i}>{i ? line : <b>{line}</b>}</div>
      ))}
    </div>
  );
}
