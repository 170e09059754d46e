// The way in: sites as columns, units as cells, coloured by what the chosen class loses without each.

import { useMemo, useState } from "preact/hooks";
import { colour, limitOf, SCALE } from "../colour";
import type { Audit, Table } from "../data";
import { go, to } from "../route";
import { describe, layer, shown } from "../wording";
import { useAudit } from "./context";
import { Frame, Pick } from "./Frame";
import { type Cells, Grid } from "./Grid";

const HIGH = 220;

export function Network({ table }: { table: Table }) {
  const audit = useAudit();
  const classes = table.distinct("class") as string[];
  const [name, setName] = useState(classes[0]);
  const rows = useMemo(() => table.rows({ class: name }), [table, name]);
  const cells = useMemo(
    () => laid(audit, table, rows, (site, unit) => go(to.unit(audit.siteIndex(site), unit))),
    [table, rows],
  );
  return (
    <Frame
      caption={`Every unit of the hidden sites. Orange: class ${shown(name)} loses without it; blue: it gains; full colour at ±${shown(cells.limit)} ${table.about("effect").unit} (${audit.outline.score}; ${SCALE})${table.cut ? `; grey: its effect isn't among the rows that this page holds, those ${table.info.kept}` : ""}. Click a unit for everything that is known of it.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        <Pick name="class" from={classes} at={name} set={setName} />
        {audit.outline.classes.includes(name) && (
          <a href={to.class(audit.outline.classes.indexOf(name))}>all about class {shown(name)}</a>
        )}
      </p>
      <Ends />
      <Grid
        cells={cells}
        label={`Map of the network: effect of each unit on class ${shown(name)}.`}
      />
    </Frame>
  );
}

const MOST = 20;

/** What lies before and behind the hidden sites: the images, and a logit for each class. */
function Ends() {
  const {
    images,
    inputs,
    outline: { classes },
  } = useAudit();
  return (
    <p class="picks ends">
      {images?.plane ? `images of ${images.plane.join(" × ")}` : inputs.examples} → hidden sites,
      below → logits, one for each class:{" "}
      {classes.slice(0, MOST).map((name, i) => (
        <a key={i} href={to.class(i)}>
          {shown(name)}
        </a>
      ))}
      {classes.length > MOST && ` and ${classes.length - MOST} more`}
    </p>
  );
}

/** How many units each site of a table has. */
export function unitsOf(audit: Audit, table: Table): Map<string, number> {
  const sites = audit.table("sites");
  return new Map(
    table.distinct("site").map((site) => {
      const [about] = sites?.rows({ site }) ?? [];
      const most = () =>
        table.rows({ site }).reduce((most, row) => Math.max(most, table.number(row, "unit")), -1) +
        1;
      return [String(site), about === undefined ? most() : sites!.number(about, "units")];
    }),
  );
}

const space = () => Math.max(280, Math.min(1060, document.querySelector("main")!.clientWidth - 40));

/** Lay all units out as the map's cells, each with its row, if the page holds one; `marked` ones are crossed out. */
export function laid(
  audit: Audit,
  table: Table,
  rows: number[],
  open: (site: string, unit: number) => void,
  marked: (site: string, unit: number) => boolean = () => false,
  room = space(),
): Cells & { limit: number } {
  const about = audit.table("sites");
  const sites = [...unitsOf(audit, table)].map(([site, units]) => ({
    site,
    own: new Int32Array(units).fill(-1),
  }));
  const cells = new Map(sites.map(({ site, own }) => [site, own]));
  for (const row of rows)
    cells.get(String(table.cell(row, "site")))![table.number(row, "unit")] = row;
  const widthAt = (size: number) =>
    sites.reduce(
      (sum, { own }) =>
        sum + Math.max(70, size * Math.ceil(own.length / Math.floor(HIGH / size))) + 24,
      0,
    );
  let size = 18;
  while (size > 5 && widthAt(size) > room) size--;
  const deep = Math.floor(HIGH / size);
  const effects = table.column("effect");
  const limit = limitOf(
    rows.map((row) => (effects[row] === null ? NaN : (effects[row] as number))),
  );
  const blocks: {
    site: string;
    title: string;
    left: number;
    first: number;
    count: number;
    own: Int32Array;
  }[] = [];
  let left = 1,
    total = 0;
  for (const { site, own } of sites) {
    const [row] = about?.rows({ site }) ?? [];
    const op = row === undefined ? "" : ` (${shown(about!.cell(row, "op"))})`;
    blocks.push({
      site,
      title: `${site}${site.includes(op.slice(2, -1)) ? "" : op}`,
      left,
      first: total,
      count: own.length,
      own,
    });
    total += own.length;
    left += Math.max(70, size * Math.ceil(own.length / deep)) + 24;
  }
  const block = (cell: number) => blocks.findLast((b) => b.first <= cell)!;
  const unit = (cell: number): [string, number] => {
    const b = block(cell);
    return [b.site, cell - b.first];
  };
  const spot = (cell: number) => {
    const b = block(cell),
      i = cell - b.first;
    return {
      x: b.left + size * Math.floor(i / deep),
      y: 22 + size * (i % deep),
      width: size - 1,
      height: size - 1,
    };
  };
  return {
    limit,
    spot,
    width: left,
    height: 24 + HIGH,
    at(x, y) {
      const b = blocks.findLast((o) => o.left <= x),
        down = Math.floor((y - 22) / size);
      if (!b || down < 0 || down >= deep) return -1;
      const i = Math.floor((x - b.left) / size) * deep + down;
      return i < b.count ? b.first + i : -1;
    },
    step: (cell, right, down) => Math.max(0, Math.min(total - 1, cell + down + right * deep)),
    lines(cell) {
      const { title, first, own } = block(cell),
        row = own[cell - first];
      return [
        `${title} · unit ${cell - first}`,
        ...(row < 0
          ? [table.cut ? "its effect isn't on this page" : "not measured"]
          : describe(table, row, "effect")),
      ];
    },
    open: (cell) => open(...unit(cell)),
    draw(pen, from, until, by) {
      for (const b of blocks) {
        pen.fillStyle = by.soft;
        pen.textAlign = "left";
        const room = Math.floor(Math.max(70, size * Math.ceil(b.count / deep)) / 6.4);
        pen.fillText(heading(b.site, b.title, room), b.left, 9);
        for (let i = 0; i < b.count; i++) {
          const x = b.left + size * Math.floor(i / deep);
          if (x < from - size || x > until) continue;
          const value = effects[b.own[i]] ?? null;
          pen.fillStyle = value === null ? by.none : colour(value as number, limit, by);
          const y = 22 + size * (i % deep);
          pen.fillRect(x, y, size - 1, size - 1);
          if (marked(b.site, i)) cross(pen, x, y, size - 1, by.ink);
        }
        pen.strokeStyle = by.none;
        pen.strokeRect(
          b.left - 0.5,
          21.5,
          size * Math.ceil(b.count / deep),
          size * Math.min(deep, b.count),
        );
      }
    },
  };
}

/** What stands above a site: its title where there is room, else its layer, else the end of its name, which tells sites of one block apart. */
function heading(site: string, title: string, room: number): string {
  if (title.length <= room) return title;
  return layer(site) === site ? `…${title.slice(1 - room)}` : layer(site);
}

function cross(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  ink: string,
): void {
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x + 1, y + 1);
  pen.lineTo(x + size - 1, y + size - 1);
  pen.moveTo(x + size - 1, y + 1);
  pen.lineTo(x + 1, y + size - 1);
  pen.stroke();
  pen.lineWidth = 1;
}
