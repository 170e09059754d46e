// Every unit of a layer as its own picture: the examples that drive it most, grouped and framed by what other lenses say.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { ordered } from "../../choose";
import type { Audit, Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { sheetOf } from "../../views/Picture";
import { shown } from "../../wording";
import { type Judged, parts } from "../parts";

const [SIDE, TILE] = [2, 52];
/** Units that a page shows at once: tiles are many small canvases. */
export const MOST = 512;

interface Tile {
  unit: number;
  /** Places on the page's sheet of pictures. */
  places: number[];
  verdict: Judged | null;
}

const first = <T,>(found: (T | null | undefined)[]): T | undefined =>
  found.find((one): one is T => Boolean(one));

/** The unit's group as some lens names it, else the class that it prefers. */
function groupOf(audit: Audit, site: string, unit: number): string {
  const named = first(parts.map((own) => own.group?.(audit, site, unit)));
  if (named) return named;
  const table = audit.table("activation.units"),
    [row] = table?.rows({ site, unit }) ?? [];
  if (row === undefined || !table!.has("preferred_class")) return "all units";
  if (table!.has("dead") && table!.cell(row, "dead") === true) return "dead";
  return `prefer ${shown(table!.cell(row, "preferred_class"))}`;
}

/** A unit's tile: the examples that drive it most, and the verdict on it. */
export function tileOf(audit: Audit, table: Table, site: string, unit: number): Tile {
  const { examples } = audit.images!;
  const places = table
    .rows({ site, unit, kind: "top" })
    .sort((a, b) => table.number(a, "rank") - table.number(b, "rank"))
    .map((row) => examples.indexOf(table.number(row, "example")))
    .filter((place) => place >= 0)
    .slice(0, SIDE * SIDE);
  const verdict = first(parts.map((own) => own.judged?.(audit, site, unit))) ?? null;
  return { unit, places, verdict };
}

function tilesOf(audit: Audit, table: Table, site: string, units: number[]): Map<string, Tile[]> {
  const found = new Map<string, Tile[]>();
  for (const unit of units) {
    const group = groupOf(audit, site, unit);
    found.set(group, [...(found.get(group) ?? []), tileOf(audit, table, site, unit)]);
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true })));
}

export function NeuronWall({
  table,
  site,
  units,
}: {
  table: Table;
  site: string;
  units: number[];
}) {
  const audit = useAudit();
  const groups = useMemo(() => tilesOf(audit, table, site, units), [table, site, units]);
  const verdicts = new Map<string, [Judged, number]>();
  for (const { verdict } of [...groups.values()].flat())
    if (verdict) verdicts.set(verdict.word, [verdict, (verdicts.get(verdict.word)?.[1] ?? 0) + 1]);
  return (
    <div class="wall">
      {verdicts.size > 0 && (
        <p class="picks">
          {[...verdicts.values()].map(([{ word, colour }, count]) => (
            <span class="key" key={word}>
              <span class="mark" style={{ borderColor: colour }} /> {count} {word}
            </span>
          ))}
        </p>
      )}
      {[...groups].map(([name, tiles]) => (
        <div class="group" key={name}>
          <h4>
            {name} <span class="count">{tiles.length}</span>
          </h4>
          <div class="tiles">
            {tiles.map((tile) => (
              <Unit key={tile.unit} site={site} {...tile} />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

export function Unit({ site, unit, places, verdict }: Tile & { site: string }) {
  const audit = useAudit(),
    images = audit.images!;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [wide, high] = [images.width!, images.height!];
  useLayoutEffect(() => {
    sheetOf(images).then(
      (all) => {
        const pen = canvas.current?.getContext("2d");
        if (!pen) return;
        places.forEach((place, i) => {
          const from = [wide * (place % images.across!), high * Math.floor(place / images.across!)];
          const [x, y] = [wide * (i % SIDE), high * Math.floor(i / SIDE)];
          pen.drawImage(all, from[0], from[1], wide, high, x, y, wide, high);
        });
      },
      () => undefined,
    );
  }, [places]);
  const words = `unit ${unit}${verdict ? `: ${verdict.says}` : ""}`;
  return (
    <a
      class="neuron"
      href={to.unit(audit.siteIndex(site), unit)}
      title={words}
      style={verdict ? { borderColor: verdict.colour } : undefined}
    >
      <canvas
        ref={canvas}
        width={SIDE * wide}
        height={SIDE * high}
        role="img"
        aria-label={`${words}; the ${places.length} examples that drive it most`}
        style={{ width: `${TILE}px`, height: `${(TILE * high) / wide}px` }}
      />
    </a>
  );
}

/** Units of a site that the table tells of, in order. */
export const unitsOf = (table: Table, site: string): number[] =>
  ordered([...new Set(table.rows({ site }).map((row) => table.cell(row, "unit")))]) as number[];
