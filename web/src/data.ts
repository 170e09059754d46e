// What the page holds: its outline, and the tables' columns. Names in it are hostile text.

import { plain } from "./wording";

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
  /** The number that matters most, if declared. */
  size?: string;
}
/** What the inputs are, and the words for them. */
export interface Inputs {
  kind: string;
  part: string;
  parts: string;
  example: string;
  examples: string;
  features: string[];
  /** By number, the words of tokens. */
  words?: Record<string, string>;
}
const PICTURES: Inputs = {
  kind: "image",
  part: "pixel",
  parts: "pixels",
  example: "image",
  examples: "images",
  features: [],
};
const FOR_PICTURES = /(?<![\w.“/-])(an? )?(input )?(pixels?|images?)(?![\w“/-]|\.\w)/gi;

export interface Outline {
  inputs?: Inputs;
  model: string;
  data: string;
  score: string;
  classes: string[];
  sites: string[];
  /** By the same places, the names to type in commands and in code. */
  keys?: string[];
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
export interface Sheet {
  height: number;
  width: number;
  across: number;
  plane: [number, number];
  sheet: string;
}
/** The examples that a page shows: cut from a sheet of pictures, or numbers where they are none. */
export interface Images extends Partial<Sheet> {
  values?: Packed;
  ends?: Packed;
  examples: number[];
  labels: number[];
  predictions?: number[] | null;
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

  /** The same, also without any row: for views that have something to show beside it. */
  bare(name: string): Table | undefined {
    return this.tables.get(name);
  }

  /** An array by its name, `<lens>.<name>`; undefined where the page has no room for it. */
  array(name: string): Numbers | undefined {
    const packed = this.arrays[name];
    if (packed && !this.unpacked.has(name)) this.unpacked.set(name, unpack(packed));
    return this.unpacked.get(name);
  }

  get inputs(): Inputs {
    return this.outline.inputs ?? PICTURES;
  }

  /** A text with the words for what the inputs are, where they are no pictures. */
  inWords(text: string): string {
    const { part, parts, example, examples } = this.inputs;
    if (parts === PICTURES.parts) return text;
    const words: Record<string, string> = {
      pixel: part,
      pixels: parts,
      image: example,
      images: examples,
    };
    return text.replace(FOR_PICTURES, (whole, article = "", _input, word: string) => {
      const plain = words[word.toLowerCase()];
      const one = article && (/^[aeiou]/.test(plain) ? "an " : "a ");
      const text = one + plain;
      return /^[A-Z]/.test(whole) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
    });
  }

  /** The numbers of an example that is no picture, channel by channel. */
  example(place: number): Float32Array {
    const { values } = this.images ?? {};
    if (!values) return new Float32Array();
    return part(this.numbers("values", values), place);
  }

  exampleShape(): [channels: number, steps: number] {
    const [, channels = 1, steps = 1] = this.images?.values?.shape ?? [];
    return [channels, steps];
  }

  /** What the numbers of examples are measured against, first all of one end, then of the other. */
  ends(): Float32Array {
    const { ends } = this.images ?? {};
    return ends ? this.numbers("ends", ends).values : new Float32Array();
  }

  private numbers(name: string, packed: Packed): Numbers {
    const kept = this.unpacked.get(`images ${name}`) ?? unpack(packed);
    this.unpacked.set(`images ${name}`, kept);
    return kept;
  }

  siteIndex(site: Cell): number {
    return this.outline.sites.indexOf(String(site));
  }

  /** The name of a site to type in code, which tables are saved with. */
  key(site: Cell): Cell {
    return this.outline.keys?.[this.siteIndex(site)] ?? site;
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

/** Findings about single images that all lenses look at: what the model takes each for, and of which kind it is. */
export const casesOf = (audit: Audit): Table[] =>
  [...audit.tables.values()].filter((table) => table.has("example", "prediction", "kind"));

/** Where on the page an example stands that is typical of a class, or else one of it; -1 where there is none. */
export function typicalOf(audit: Audit, index: number): number {
  const { examples = [], labels = [] } = audit.images ?? {},
    at = { kind: "typical", label: audit.outline.classes[index] };
  const places = casesOf(audit).flatMap((table) =>
    table.has("label")
      ? table.rows(at).map((row) => examples.indexOf(table.number(row, "example")))
      : [],
  );
  return places.find((place) => place >= 0) ?? labels.indexOf(index);
}
