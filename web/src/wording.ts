// Cells, names and numbers as pages write them: a number with its interval, n, control and tests.

import type { Cell, Column, Table } from "./data";

/** A number as the tables in Python show it: four digits, a real minus sign. */
export function shown(cell: Cell | undefined, sign = false): string {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "–";
  const size = Math.abs(cell);
  if (size !== 0 && size < 1e-300) return "< 1e−300";
  const text = Number.isInteger(cell)
    ? String(size)
    : size !== 0 && (size < 1e-4 || size >= 1e7)
      ? size.toExponential(2)
      : String(Number(size.toPrecision(4)));
  return (cell < 0 ? "−" : sign && cell > 0 ? "+" : "") + text;
}

/** A cluster's number as readers see it: A for the first, AA behind Z. */
export const letter = (place: number): string =>
  (place >= 26 ? letter(Math.floor(place / 26) - 1) : "") + String.fromCharCode(65 + (place % 26));

/** A site in short: its layer, where it has one. */
export const layer = (site: Cell): string => /^(L\d+) \(/.exec(String(site))?.[1] ?? shown(site);

/** A number with so many decimals, and no sign before nothing. */
export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** A sentence begins with a capital. */
export const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

/** A column's name in words. */
export const plain = (name: string) =>
  name
    .replaceAll("_", " ")
    .replace(/\b(auroc|auc|f1|iou|cka|nc1)\b/g, (short) => short.toUpperCase());

const CONTROLS = ["control", "control_lo", "control_hi"];
const isControl = ({ role = "" }: Column) => CONTROLS.includes(role);
const isTest = ({ role = "" }: Column) => role === "p" || role === "q";
/** Whether a column says more of a number. */
const isOf = (column: Column, value: string) => column.of.split(" ").includes(value);

/** Estimate, interval, n, control and tests of one row, as lines for a tooltip. */
export function describe(table: Table, row: number, value: string): string[] {
  const about = table.about(value),
    unit =
      about.unit === "score"
        ? (table.info.units?.[String(table.cell(row, "score"))] ?? about.unit)
        : about.unit;
  const interval = bounds(table, value);
  return [
    `${table.word(value)} ${shown(table.cell(row, value), about.signed)}${unit && !table.word(value).includes(unit) ? ` ${unit}` : ""}`,
    interval[0] ? `95 % interval ${ends(table, row, interval)}` : "no interval",
    ...more(table, row, value),
    ...bare(table, row, value),
  ];
}

const ends = (table: Table, row: number, [low, high]: [string, string]) =>
  `[${shown(table.cell(row, low))}, ${shown(table.cell(row, high))}]`;

/** What says more of a number, its n, controls and tests, or of a remark: a line each. */
export function more(table: Table, row: number, value: string): string[] {
  const names = companions(table, value),
    band = names.map(table.about, table).filter((c) => c.role?.startsWith("control_")),
    alone = band.length === 2 ? band.map((c) => c.name) : [];
  return names.flatMap((name) => {
    const cell = table.cell(row, name),
      about = table.about(name);
    if (cell === null || name === alone[1]) return [];
    if (name === alone[0]) return [`${table.word(name)} ${ends(table, row, [name, alone[1]])}`];
    const pair = bounds(table, name),
      between = table.about(pair[0]).words;
    const number = isTest(about) && cell === 0 ? "< 1e−300" : shown(cell);
    return [
      `${table.word(name)}${about.kind === "string" ? ":" : ""} ${number}${pair[0] && `${between ? `, ${between}` : ""} ${ends(table, row, pair)}`}${about.role === "n" ? ` ${about.unit}` : ""}`,
    ];
  });
}

/** Why a number has no control; nothing where it has one, or is told beside one. */
function bare(table: Table, row: number, value: string): string[] {
  const names = companions(table, value),
    own = names.filter((name) => isControl(table.about(name)));
  if (table.about(value).beyond || own.some((name) => table.cell(row, name) !== null)) return [];
  const alike = Object.fromEntries(
    table.info.columns
      .filter((c) => c.kind === "string")
      .map((c) => [c.name, table.cell(row, c.name)]),
  );
  const along = table.info.columns.find((c) => c.role === "along")?.name ?? "";
  const sizes =
    own.length && along
      ? table
          .rows(alike)
          .filter((other) => table.cell(other, own[0]) !== null)
          .map((other) => table.number(other, along))
          .sort((a, b) => a - b)
      : [];
  if (sizes.length) return [`control measured at ${along} = ${sizes.join(", ")}`];
  return [
    names.some((name) => isTest(table.about(name)))
      ? "no control: tested against no effect"
      : "no control: described, not tested",
  ];
}

/** Columns that say more of a number, n first; the ends of intervals, and of controls that have a middle, stand with what they bound. */
export function companions(table: Table, value: string): string[] {
  const { columns } = table.info;
  const own = columns.filter(
    (c) =>
      isOf(c, value) &&
      c.role !== "lo" &&
      c.role !== "hi" &&
      !(c.role?.startsWith("control_") && middleOf(columns, c)),
  );
  const count = own.filter((c) => c.role === "n");
  const common = count.length
    ? []
    : columns.filter((c) => c.role === "n" && !c.of && c.name !== value);
  return [...count, ...common, ...own.filter((c) => c.role !== "n")].map((c) => c.name);
}

/** The control that an end of a control's band belongs to: the last one before it of the same number. */
const middleOf = (columns: Column[], end: Column): Column | undefined =>
  columns
    .slice(0, columns.indexOf(end))
    .findLast((c) => c.role === "control" && c.of.split(" ").some((value) => isOf(end, value)));

/** A number's control, and what 95 % of its draws keep to; empty names where it has none. */
export function controlOf(table: Table, value: string): [string, string, string] {
  const own = companions(table, value).map(table.about, table),
    named = (role: string) => own.find((c) => c.role === role)?.name ?? "";
  const middle = named("control");
  return middle
    ? [middle, ...bounds(table, middle)]
    : ["", named("control_lo"), named("control_hi")];
}

/** The value at which a number says nothing. */
export const nothing = (table: Table, value: string): number => table.about(value).neutral ?? 0;

/** Names of the columns that bound a number, or a control. Else two empty names. */
export function bounds(table: Table, value: string): [string, string] {
  const { columns } = table.info,
    control = table.about(value).role === "control";
  const end = (side: string) =>
    columns.find(
      (c) =>
        (c.role === side && isOf(c, value)) ||
        (control && c.role === `control_${side}` && middleOf(columns, c)?.name === value),
    )?.name;
  const [low, high] = [end("lo"), end("hi")];
  return low && high ? [low, high] : ["", ""];
}

/** A table as text that spreadsheets read. A cell that would start a formula is quoted with a space. */
export function separated(names: string[], rows: Cell[][], by: "," | "\t"): string {
  const safe = (cell: Cell) => {
    let text = cell === null ? "" : String(cell);
    if (typeof cell === "string" && /^[=+\-@\t\r]/.test(text)) text = ` ${text}`;
    return /["\n\r,\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[names, ...rows].map((row) => row.map(safe).join(by)).join("\n")}\n`;
}
