// What the page holds: its outline, and the tables' columns. Names in it are hostile text.

export interface Column {
  name: string;
  kind: string;
  unit: string;
  meaning: string;
  /** Columns that it says more of, with spaces between. */
  of: string;
  /** What axes and tooltips call it; else its name. */
  words?: string;
  /** What it is to its row, as Python declared it: `key`, `along`, `value`, `lo`, `control`, … */
  role?: string;
  /** Which sign is a loss to the class. */
  worse?: number;
  /** The number that says nothing, if it isn't 0. */
  neutral?: number;
  /** Whether a plus sign belongs before a positive number. */
  signed?: boolean;
  /** Whether it is what lies beyond a control already. */
  beyond?: boolean;
}
export interface FindingInfo {
  title: string;
  total: number;
  /** Which rows of a long table the page holds, in words. */
  kept: string;
  /** Units of the scores, where each row has its own. */
  units?: Record<string, string>;
  statements: string[];
  columns: Column[];
  /** The view that suits it best, and the two key columns that a map lies between, if declared. */
  view?: string;
  across?: string;
  lead?: string;
}
export interface Outline {
  model: string;
  data: string;
  score: string;
  classes: string[];
  sites: string[];
  lenses: { name: string; question: string; findings: string[] }[];
  findings: Record<string, FindingInfo>;
}
export type Cell = string | number | boolean | null;
export interface Encoded {
  names?: string[];
  values?: Cell[];
  runs?: (number | boolean | null)[];
}
export interface Packed {
  shape: number[];
  values?: (number | null)[];
  bytes?: string;
  limit?: number;
}
/** A finding's array; `NaN` where there is no number. */
export interface Numbers {
  shape: number[];
  values: Float32Array;
}
export interface Images {
  height: number;
  width: number;
  across: number;
  plane: [number, number];
  examples: number[];
  labels: number[];
  predictions?: number[] | null;
  sheet: string;
}

export function decode(column: Encoded): Cell[] {
  let cells = column.values ?? [];
  if (column.runs) {
    cells = [];
    for (let i = 0; i < column.runs.length; i += 2) {
      for (let n = column.runs[i + 1] as number; n > 0; n--) cells.push(column.runs[i]);
    }
  }
  const names = column.names;
  return names ? cells.map((v) => (v === null ? null : names[v as number])) : cells;
}

export function unpack({ shape, values, bytes, limit }: Packed): Numbers {
  if (values) return { shape, values: Float32Array.from(values, (v) => v ?? NaN) };
  const raw = Uint8Array.from(atob(bytes!), (c) => c.charCodeAt(0));
  if (limit === undefined) return { shape, values: Float32Array.from(raw) };
  return {
    shape,
    values: Float32Array.from(new Int8Array(raw.buffer), (v) =>
      v === -128 ? NaN : (v * limit) / 127,
    ),
  };
}

/** Cells of a column, without decoding it. */
function count({ values = [], runs }: Encoded): number {
  return runs
    ? runs.reduce<number>((sum, n, i) => sum + (i % 2 ? Number(n) : 0), 0)
    : values.length;
}

/** What lies at the first indices of an array: `part(maps, 2, 0)` is the picture `maps[2][0]`. */
export function part({ shape, values }: Numbers, ...at: number[]): Float32Array {
  let size = values.length,
    from = 0;
  at.forEach((place, axis) => {
    size /= shape[axis];
    from += place * size;
  });
  return values.subarray(from, from + size);
}

/** A finding's table; a column is decoded when it is first asked for. */
export class Table {
  private decoded = new Map<string, Cell[]>();
  private groups = new Map<string, Map<string, number[]>>();
  readonly length: number;

  constructor(
    readonly name: string,
    readonly info: FindingInfo,
    private encoded: Encoded[],
  ) {
    this.length = info.columns.length ? count(encoded[0]) : 0;
  }

  /** Whether the page holds only a part of the table. */
  get cut(): boolean {
    return this.length < this.info.total;
  }

  has(...names: string[]): boolean {
    return names.every((name) => this.info.columns.some((c) => c.name === name));
  }

  /** What a column says of itself; one that an older audit lacks says nothing. */
  about(name: string): Column {
    return (
      this.info.columns.find((c) => c.name === name) ?? {
        name,
        kind: "string",
        unit: "",
        meaning: "",
        of: "",
      }
    );
  }

  /** What axes and tooltips call a column. */
  word(name: string): string {
    const { words, role } = this.about(name);
    return words || (role === "n" ? "n" : plain(name));
  }

  column(name: string): Cell[] {
    let cells = this.decoded.get(name);
    if (!cells) {
      const place = this.info.columns.findIndex((c) => c.name === name);
      cells = place < 0 ? [] : decode(this.encoded[place]);
      this.decoded.set(name, cells);
    }
    return cells;
  }

  cell(row: number, name: string): Cell {
    return this.column(name)[row] ?? null;
  }

  number(row: number, name: string): number {
    const cell = this.cell(row, name);
    return typeof cell === "number" ? cell : NaN;
  }

  /** Values of a column, each once, in their order. */
  distinct(name: string): Cell[] {
    return [...new Set(this.column(name))].filter((v) => v !== null);
  }

  /** Rows that hold these values; indexed by the named columns, so that asking again is cheap. */
  rows(equal: Record<string, Cell>): number[] {
    const names = Object.keys(equal);
    const key = names.join("\u0000");
    let group = this.groups.get(key);
    if (!group) {
      group = new Map();
      const columns = names.map((name) => this.column(name));
      for (let row = 0; row < this.length; row++) {
        const at = columns.map((c) => String(c[row])).join("\u0000");
        const kept = group.get(at);
        if (kept) kept.push(row);
        else group.set(at, [row]);
      }
      this.groups.set(key, group);
    }
    return group.get(names.map((name) => String(equal[name])).join("\u0000")) ?? [];
  }
}

/** A table of what a server has just answered: text, or numbers with their units. */
export function answered(
  name: string,
  title: string,
  columns: readonly (readonly [name: string, unit: string | null, meaning: string])[],
  rows: Cell[][],
): Table {
  const declared = columns.map(([name, unit, meaning]) => ({
    name,
    kind: unit === null ? "string" : "float64",
    unit: unit ?? "",
    meaning,
    of: "",
  }));
  return new Table(
    name,
    { title, total: rows.length, kept: "", statements: [], columns: declared },
    columns.map((_, c) => ({ values: rows.map((row) => row[c]) })),
  );
}

/** Rows of a class by what was measured on the selection split, the first choice in front; none where the table doesn't say. */
export function ranked(table: Table, label: Cell): number[] {
  if (!table.has("rank")) return [];
  const rows = table.rows({ class: label }).filter((row) => table.cell(row, "rank") !== null);
  return rows.sort((a, b) => table.number(a, "rank") - table.number(b, "rank"));
}

/** How many of a site's units are spoken of: ten, but no more than half of them. */
export const few = (units: number) => Math.max(1, Math.min(10, Math.floor(units / 2)));

export class Audit {
  readonly tables = new Map<string, Table>();

  private unpacked = new Map<string, Numbers>();

  constructor(
    readonly outline: Outline,
    tables: Record<string, Encoded[]>,
    readonly images: Images | null,
    private arrays: Record<string, Packed> = {},
  ) {
    for (const [name, info] of Object.entries(outline.findings)) {
      this.tables.set(name, new Table(name, info, tables[name]));
    }
  }

  table(name: string): Table | undefined {
    const table = this.tables.get(name);
    return table?.length ? table : undefined;
  }

  /** An array by its name, `<lens>.<name>`; undefined where the page has no room for it. */
  array(name: string): Numbers | undefined {
    const packed = this.arrays[name];
    if (packed && !this.unpacked.has(name)) this.unpacked.set(name, unpack(packed));
    return this.unpacked.get(name);
  }

  siteIndex(site: Cell): number {
    return this.outline.sites.indexOf(String(site));
  }
}

/** Read both blocks of the page; the numbers stand in it packed. */
export async function read(page: Document): Promise<Audit> {
  const block = (id: string) => JSON.parse(page.getElementById(id)!.textContent!);
  const bytes = Uint8Array.from(atob(block("numbers").gzip), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { tables, images, arrays } = JSON.parse(await new Response(stream).text());
  return new Audit(block("outline"), tables, images, arrays);
}

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
  const ends = ([low, high]: [string, string]) =>
    `[${shown(table.cell(row, low))}, ${shown(table.cell(row, high))}]`;
  const interval = bounds(table, value);
  return [
    `${table.word(value)} ${shown(table.cell(row, value), about.signed)}${unit && !table.word(value).includes(unit) ? ` ${unit}` : ""}`,
    interval[0] ? `95 % interval ${ends(interval)}` : "no interval",
    ...more(table, row, value, ends),
    ...bare(table, row, value),
  ];
}

/** What says more of a number: its n, controls and tests, a line each. */
function more(
  table: Table,
  row: number,
  value: string,
  ends: (names: [string, string]) => string,
): string[] {
  const names = companions(table, value),
    band = names.map(table.about, table).filter((c) => c.role?.startsWith("control_")),
    alone = band.length === 2 ? band.map((c) => c.name) : [];
  return names.flatMap((name) => {
    const cell = table.cell(row, name),
      about = table.about(name);
    if (cell === null || name === alone[1]) return [];
    if (name === alone[0]) return [`${table.word(name)} ${ends([name, alone[1]])}`];
    const pair = bounds(table, name),
      between = table.about(pair[0]).words;
    const number = isTest(about) && cell === 0 ? "< 1e−300" : shown(cell);
    return [
      `${table.word(name)} ${number}${pair[0] && `${between ? `, ${between}` : ""} ${ends(pair)}`}${about.role === "n" ? ` ${about.unit}` : ""}`,
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

/** Findings about single images that all lenses look at: what the model takes each for, and of which kind it is. */
export const casesOf = (audit: Audit): Table[] =>
  [...audit.tables.values()].filter((table) => table.has("example", "prediction", "kind"));
