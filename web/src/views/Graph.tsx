// Nodes and edges of graphs of units.

/** A unit that leads to its card. */
export function UnitNode({
  x,
  y,
  unit,
  label,
  href,
}: {
  x: number;
  y: number;
  unit: number;
  label: string;
  href: string;
}) {
  return (
    <a href={href} aria-label={label}>
      <circle cx={x} cy={y} r={12} fill="var(--paper)" stroke="var(--link)" />
      <text x={x} y={y + 3} text-anchor="middle" font-size={9} fill="var(--ink)">
        {unit}
      </text>
    </a>
  );
}

/** An edge as wide as its `share` of the strongest one: blue and whole above zero, orange and dashed below. */
export function Edge({
  path,
  value,
  share,
  lit,
  over,
}: {
  path: string;
  value: number;
  share: number;
  lit: boolean;
  over: (e: MouseEvent) => void;
}) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a table or a list tells it without a pointer
    <g onMouseMove={over} onClick={over}>
      <path
        d={path}
        fill="none"
        stroke={value > 0 ? "var(--link)" : "var(--warn)"}
        stroke-dasharray={value > 0 ? undefined : "6 3"}
        stroke-opacity={lit ? 1 : 0.6}
        stroke-width={1 + 6 * share}
      />
      {/* thin lines are hard to hit */}
      <path d={path} fill="none" stroke="transparent" stroke-width={12} />
    </g>
  );
}
