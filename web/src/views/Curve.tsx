// One number along k, depth or dose, with its interval and the band of its control.

import * as Plot from "@observablehq/plot";
import { useCallback, useMemo, useState } from "preact/hooks";
import type { Choice } from "../choose";
import type { Cell, Table } from "../data";
import { bounds, capital, controlOf, describe, nothing, shown } from "../wording";
import { Chart, tip } from "./Chart";
import { Frame, Pick } from "./Frame";
import { useFilters } from "./Heat";

const MOST = 60;

/** `fixed` holds what the reader can't choose here. */
export function Curve({
  table,
  choice,
  start,
  fixed = {},
}: {
  table: Table;
  choice: Choice;
  start?: Record<string, Cell>;
  fixed?: Record<string, Cell>;
}) {
  const [picked, picks] = useFilters(table, choice.filters, start);
  const equal = { ...fixed, ...picked };
  const [value, setValue] = useState(choice.values[0]);
  const key = JSON.stringify(equal);
  const rows = useMemo(
    () =>
      [...table.rows(equal)].sort(
        (a, b) => table.number(a, choice.across) - table.number(b, choice.across),
      ),
    [table, key, choice.across],
  );
  const make = useCallback(() => curve(table, rows, choice.across, value), [table, rows, value]);
  const about = table.about(value);
  const named = Object.entries(equal)
    .map(([name, v]) => `${table.word(name)} ${shown(v)}`)
    .join(", ");
  return (
    <Frame
      caption={`${capital(about.meaning)} (${named}). ${bounds(table, value)[0] ? "Band: 95 % interval" : "No interval"}${controlOf(table, value).some(Boolean) ? "; grey: the control and 95 % of its draws" : ""}.`}
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
      </p>
      <Chart label={`${table.info.title}: ${value} by ${choice.across}`} make={make} />
    </Frame>
  );
}

function curve(table: Table, rows: number[], along: string, value: string): Plot.PlotOptions {
  const [low, high] = bounds(table, value),
    [control, least, most] = controlOf(table, value);
  const of = (name: string) => (row: number) => table.number(row, name);
  const unit = table.about(value).unit;
  const marks: Plot.Markish[] = [Plot.ruleY([nothing(table, value)], { strokeOpacity: 0.3 })];
  const measured = rows.filter((row) => table.cell(row, control || least) !== null); // measured at some places only
  if (least && most)
    marks.push(
      Plot.areaY(measured, {
        x: of(along),
        y1: of(least),
        y2: of(most),
        fill: "currentColor",
        fillOpacity: 0.18,
      }),
    );
  if (control)
    marks.push(
      Plot.lineY(measured, {
        x: of(along),
        y: of(control),
        stroke: "currentColor",
        strokeOpacity: 0.6,
        strokeDasharray: "4 3",
      }),
    );
  if (low)
    marks.push(
      Plot.areaY(rows, {
        x: of(along),
        y1: of(low),
        y2: of(high),
        fill: "var(--link)",
        fillOpacity: 0.22,
      }),
    );
  marks.push(
    Plot.lineY(rows, { x: of(along), y: of(value), stroke: "var(--link)", strokeWidth: 2 }),
  );
  marks.push(
    tip(
      rows,
      { x: of(along), y: of(value) },
      (row: number) =>
        [`${table.word(along)}: ${table.cell(row, along)}`, ...describe(table, row, value)].join(
          "\n",
        ),
      Plot.pointerX,
    ),
  );
  return {
    height: 300,
    marginLeft: 52,
    x: { label: table.word(along) },
    y: { label: `${table.word(value)}${unit ? ` [${unit}]` : ""}`, grid: true },
    marks,
  };
}

/** One dot and its interval per row: a class, a site, a method. */
export function Dots({
  table,
  rows: every,
  by,
  value,
  links,
}: {
  table: Table;
  rows: number[];
  by: string;
  value: string;
  links?: (row: number) => string;
}) {
  const rows = useMemo(
    () => every.filter((row) => table.cell(row, value) !== null),
    [table, every, value],
  );
  const make = useCallback(
    (width: number): Plot.PlotOptions => {
      const [low, high] = bounds(table, value),
        [control, least, most] = controlOf(table, value);
      const name = (row: number) => shown(table.cell(row, by)),
        of = (column: string) => (row: number) => table.number(row, column);
      const marks: Plot.Markish[] = [Plot.ruleX([nothing(table, value)], { strokeOpacity: 0.4 })];
      if (least && most)
        marks.push(
          Plot.ruleY(rows, {
            y: name,
            x1: of(least),
            x2: of(most),
            stroke: "currentColor",
            strokeOpacity: 0.2,
            strokeWidth: 10,
          }),
        );
      const mark = control || (least && most ? "" : least || most);
      if (mark)
        marks.push(
          Plot.tickX(rows, {
            y: name,
            x: of(mark),
            stroke: "currentColor",
            strokeOpacity: 0.6,
            strokeWidth: 2,
          }),
        );
      if (low)
        marks.push(Plot.ruleY(rows, { y: name, x1: of(low), x2: of(high), stroke: "var(--link)" }));
      marks.push(
        Plot.dot(rows, {
          y: name,
          x: of(value),
          fill: "var(--link)",
          r: 4,
          title: (row: number) =>
            [`${table.word(by)} ${name(row)}`, ...describe(table, row, value)].join("\n"),
          tip: { fill: "var(--tint)" },
        }),
      );
      const names = [...new Set(rows.map(name))];
      const longest = Math.max(20, Math.floor(width / 16)); // letters of a name that there is room for
      return {
        height: 62 + 20 * names.length,
        marginTop: 32,
        marginLeft: 30 + 6.4 * Math.min(longest, Math.max(...names.map((n) => n.length))),
        x: {
          label: `${table.word(value)}${table.about(value).unit ? ` [${table.about(value).unit}]` : ""}`,
          grid: true,
          ...(nothing(table, value) ? { domain: [0, 1] } : { nice: true }),
        },
        y: {
          label: table.word(by),
          labelAnchor: "top",
          domain: names,
          tickFormat: (n: string) => (n.length > longest ? `${n.slice(0, longest - 1)}…` : n),
        },
        marks,
      };
    },
    [table, rows, by, value],
  );
  return <Chart label={`${table.info.title}: ${value} by ${by}`} make={make} address={links} />;
}

/** `fixed` holds what the reader can't choose here. */
export function DotsView({
  table,
  choice,
  fixed = {},
  links,
}: {
  table: Table;
  choice: Choice;
  fixed?: Record<string, Cell>;
  links?: (row: number) => string;
}) {
  const [picked, picks] = useFilters(table, choice.filters);
  const equal = { ...fixed, ...picked };
  const [value, setValue] = useState(choice.values[0]);
  const key = JSON.stringify(equal);
  const every = useMemo(() => table.rows(equal), [table, key]),
    rows = useMemo(() => every.slice(0, MOST), [every]);
  const [control, least, most] = controlOf(table, value);
  const grey = control
    ? `the control${least ? " and 95 % of its draws" : ""}`
    : least && most
      ? "95 % of the control's draws"
      : least || most
        ? table.about(least || most).meaning
        : "";
  return (
    <Frame
      caption={`${capital(table.about(value).meaning)}. ${bounds(table, value)[0] ? "Lines: 95 % interval" : "No interval"}${grey && `; grey: ${grey}`}.${every.length > MOST ? ` The first ${MOST} of ${every.length}.` : ""}`}
      table={table}
      rows={every}
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
      </p>
      <Dots table={table} rows={rows} by={choice.rows} value={value} links={links} />
    </Frame>
  );
}
