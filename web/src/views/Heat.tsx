// Rows by columns of one number: units by classes, lenses by lenses, ablation values by ablation values.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { byLargest, type Choice, ordered } from "../choose";
import { colour, limitOf, SCALE, sides } from "../colour";
import type { Cell, Table } from "../data";
import { go, to } from "../route";
import { capital, describe, fixed, nothing, shown } from "../wording";
import { useAudit } from "./context";
import { Frame, Pick } from "./Frame";
import { type Cells, Grid, lattice } from "./Grid";

/** How columns are put in order: side by side those whose largest number is in the same row; or as they come. */
const [LARGEST, PLACE] = ["by largest", "by place"];
const MANY = 30;

type Worse = (row: number, value: string) => number;

/** Classes as the model has them, numbers by size, names as they come. */
export function inOrder(cells: Cell[], classes: string[]): Cell[] {
  const known: Cell[] = [...new Set([...classes, "all"])];
  return cells.every((c) => known.includes(c))
    ? known.filter((c) => cells.includes(c))
    : ordered(cells);
}

export function useFilters(
  table: Table,
  names: string[],
  start: Record<string, Cell> = {},
): [Record<string, Cell>, ComponentChildren] {
  const { classes } = useAudit().outline;
  const [picked, setPicked] = useState(start);
  const equal: Record<string, Cell> = {};
  const picks = names.map((name) => {
    // What can still be picked, given what stands before it.
    const before = Object.keys(equal).length ? table.rows({ ...equal }) : null;
    const column = table.column(name);
    const all = inOrder(
      before ? [...new Set(before.map((row) => column[row]))] : table.distinct(name),
      ["all", ...classes],
    );
    const at = all.includes(picked[name]) ? picked[name] : all[0];
    equal[name] = at;
    return (
      <Pick
        key={name}
        name={name}
        from={all as string[]}
        at={at as string}
        set={(v) => setPicked({ ...picked, [name]: v })}
        label={table.word(name)}
        word={shown}
      />
    );
  });
  return [equal, picks];
}

export function Heat({
  table,
  choice,
  start,
  worse = (_, value) => table.about(value).worse ?? 0,
}: {
  table: Table;
  choice: Choice;
  start?: Record<string, Cell>;
  /** Which sign of a row's number is a loss, where it isn't the same in all rows. */
  worse?: Worse;
}) {
  const audit = useAudit();
  const [equal, picks] = useFilters(table, choice.filters, start);
  const [value, setValue] = useState(choice.values[0]);
  const [sort, setSort] = useState(LARGEST);
  const key = JSON.stringify(equal);
  // A row without a unit is of the whole site: a number of another size, left to the table.
  const rows = useMemo(
    () => table.rows(equal).filter((row) => table.cell(row, choice.across) !== null),
    [table, key],
  );
  const order = [
    LARGEST,
    PLACE,
    ...new Set(rows.map((row) => shown(table.cell(row, choice.rows)))),
  ];
  const sorting = order.includes(sort) ? sort : LARGEST;
  const named = Object.entries(equal)
    .map(([name, v]) => `${table.word(name)} ${shown(v)}`)
    .join(", ");
  const cells = useMemo(
    () =>
      layout(
        table,
        choice,
        audit.outline.classes,
        rows,
        value,
        sorting,
        (row) =>
          opened(audit.siteIndex(table.cell(row, "site")), table, row, audit.outline.classes),
        worse,
      ),
    [rows, value, sorting],
  );
  const about = table.about(value),
    zero = nothing(table, value),
    unit = table.info.units?.[String(equal.score)] ?? about.unit;
  return (
    <Frame
      caption={`${capital(about.meaning)}${unit ? ` [${unit}]` : ""}${named && ` (${named})`}. ${sides(about, unit === "share" ? "accuracy" : "score", shown(zero))}; full colour at ${zero ? `${shown(zero)} ± ` : "±"}${shown(cells.limit)} (${SCALE}); grey: no number${table.cut ? `, or left out of this page, which holds the rows ${table.info.kept}` : ""}. Rows: ${table.about(choice.rows).meaning}; columns: ${table.about(choice.across).meaning}.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        {picks}
        <Pick
          name="number"
          from={choice.values}
          at={value}
          set={setValue}
          word={(name) => table.word(name)}
        />
        {cells.many && (
          <Pick
            name={`${table.word(choice.across)} sorted`}
            from={order}
            at={sorting}
            set={setSort}
          />
        )}
      </p>
      <Grid
        cells={cells}
        label={`${table.info.title}: ${table.word(value)} by ${table.word(choice.rows)} and ${table.word(choice.across)}.`}
      />
    </Frame>
  );
}

function opened(site: number, table: Table, row: number, classes: string[]): string {
  const unit = ["unit", "unit_a"].find((name) => table.has(name));
  if (unit && site >= 0) return to.unit(site, table.number(row, unit));
  const place = classes.indexOf(String(table.cell(row, "class") ?? table.cell(row, "removed_for")));
  return place >= 0 ? to.class(place) : "";
}

function layout(
  table: Table,
  choice: Choice,
  classes: string[],
  rows: number[],
  value: string,
  sort: string,
  address: (row: number) => string,
  worse: Worse,
): Cells & { limit: number; many: boolean } {
  const numbers = table.column(value),
    down = table.column(choice.rows),
    along = table.column(choice.across);
  const names = inOrder([...new Set(rows.map((row) => down[row]))], classes);
  let across = inOrder([...new Set(rows.map((row) => along[row]))], classes);
  if (sort === LARGEST && across.length > MANY) {
    const zero = nothing(table, value);
    // what is of all rows together says nothing of one
    const cells = rows
      .filter((row) => down[row] !== "all")
      .map((row) => ({
        column: along[row],
        row: down[row],
        size: Math.abs((numbers[row] as number) - zero),
      }));
    across = byLargest(across, names, cells);
  } else if (sort !== PLACE && sort !== LARGEST) {
    const by = new Map(
      rows
        .filter((row) => shown(down[row]) === sort)
        .map((row) => [along[row], numbers[row] as number]),
    );
    across = [...across].sort((a, b) => (by.get(a) ?? Infinity) - (by.get(b) ?? Infinity));
  }
  const rowPlace = new Map(names.map((v, i) => [v, i])),
    columnPlace = new Map(across.map((v, i) => [v, i]));
  const wide = across.length;
  const rowAt = new Int32Array(names.length * wide).fill(-1);
  for (const row of rows)
    rowAt[rowPlace.get(down[row])! * wide + columnPlace.get(along[row])!] = row;
  const zero = nothing(table, value);
  const turned = (row: number) =>
    (worse(row, value) > 0 ? -1 : 1) * ((numbers[row] as number) - zero);
  const limit = limitOf(
    rows.map((row) => (numbers[row] === null ? NaN : (numbers[row] as number) - zero)),
  );
  const many = wide > MANY;
  const longest = (cells: Cell[]) => Math.max(3, ...cells.map((c) => shown(c).length));
  const cw = many
    ? Math.max(4, Math.min(12, 960 / wide))
    : Math.min(Math.max(64, 7 * longest(across) + 8), Math.max(24, 720 / wide));
  const ch = names.length > 40 ? 5 : names.length > 16 ? 12 : 24;
  // few columns leave room for long names
  const left = 12 + Math.min(Math.max(160, 660 - wide * cw), 7 * longest(names));
  const short = (cell: Cell, n: number) => {
    const text = shown(cell);
    return text.length > n ? `${text.slice(0, n - 1)}…` : text;
  };
  const decimals = Math.max(2, 1 - Math.floor(Math.log10(limit)));
  const top = 20,
    bottom = 38,
    foot = top + names.length * ch,
    width = Math.max(
      left + wide * cw + 8,
      Math.min(280, left + 7 * table.word(choice.across).length),
    ),
    height = foot + bottom;
  return {
    limit,
    many,
    width,
    height,
    ...lattice(left, top, cw, ch, wide, names.length),
    lines(cell) {
      const row = rowAt[cell];
      const head = `${table.word(choice.rows)} ${shown(names[Math.floor(cell / wide)])} · ${table.word(choice.across)} ${shown(across[cell % wide])}`;
      return row < 0
        ? [head, table.cut ? "not on this page, or not measured" : "not measured"]
        : [head, ...describe(table, row, value)];
    },
    open(cell) {
      const hash = rowAt[cell] < 0 ? "" : address(rowAt[cell]);
      if (hash) go(hash);
    },
    draw(pen, from, until, by) {
      const [first, last] = [
        Math.max(0, Math.floor((from - left) / cw)),
        Math.min(wide, Math.ceil((until - left) / cw)),
      ];
      for (let r = 0; r < names.length; r++) {
        for (let c = first; c < last; c++) {
          const row = rowAt[r * wide + c];
          pen.fillStyle =
            row < 0 || numbers[row] === null ? by.none : colour(turned(row), limit, by);
          pen.fillRect(left + c * cw, top + r * ch, cw - (cw > 8 ? 1 : 0), ch - (ch > 8 ? 1 : 0));
          if (!many && ch >= 24 && cw >= 40 && row >= 0 && numbers[row] !== null) {
            const share = Math.abs((numbers[row] as number) - zero) / limit;
            pen.fillStyle = share > 0.35 ? `rgb(${by.paper.join(",")})` : by.ink;
            pen.textAlign = "center";
            pen.fillText(
              fixed(Number(numbers[row]), decimals),
              left + (c + 0.5) * cw,
              top + (r + 0.5) * ch,
            );
          }
        }
      }
      pen.fillStyle = by.soft;
      pen.textAlign = "center";
      const every = Math.max(1, Math.ceil((many ? 40 : 8) / cw));
      for (let c = first; c < last; c += 1)
        if (c % every === 0)
          pen.fillText(
            short(across[c], many ? 6 : Math.max(3, Math.floor(cw / 6.5))),
            left + (c + 0.5) * cw,
            foot + 11,
          );
      pen.clearRect(from, 0, left - 2, height);
      pen.textAlign = "right";
      const skip = ch >= 12 ? 1 : Math.ceil(14 / ch);
      for (let r = 0; r < names.length; r += skip)
        pen.fillText(short(names[r], Math.floor(left / 7)), from + left - 6, top + (r + 0.5) * ch);
      // what rows and columns are stays in sight where the map is moved sideways
      pen.textAlign = "left";
      pen.fillStyle = by.ink;
      pen.fillText(`${table.word(choice.rows)} ↓`, from, 8);
      pen.fillText(`${table.word(choice.across)} →`, from + left, foot + 29);
    },
  };
}
