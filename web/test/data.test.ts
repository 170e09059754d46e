import { expect, test } from "vitest";
import { choose, keys } from "../src/choose";
import { colour, limitOf, sides } from "../src/colour";
import {
  Audit,
  type Column,
  decode,
  type Encoded,
  type FindingInfo,
  part,
  ranked,
  Table,
  unpack,
} from "../src/data";
import { own } from "../src/lenses";
import { failed, methodsOf, nameOf, tested, verdict } from "../src/lenses/attribution/_gates";
import { sizes } from "../src/lenses/mechanism/edges";
import { parse, to } from "../src/route";
import { search } from "../src/views/Bar";
import { sorted } from "../src/views/DataTable";
import { lattice } from "../src/views/Grid";
import {
  bounds,
  companions,
  controlOf,
  describe,
  layer,
  letter,
  more,
  nothing,
  separated,
  shown,
} from "../src/wording";

type Cells = [kind: string, cells: Encoded, more?: Partial<Column>];

function table(
  columns: Record<string, Cells>,
  name = "own.table",
  look: Pick<FindingInfo, "view" | "across"> = {},
): Table {
  const entries = Object.entries(columns);
  const about: FindingInfo = {
    title: name,
    total: 0,
    kept: "",
    statements: [],
    columns: entries.map(([n, [kind, , more]]) => ({
      name: n,
      kind,
      unit: "",
      meaning: n,
      of: "",
      ...more,
    })),
    ...look,
  };
  return new Table(
    name,
    about,
    entries.map(([, [, cells]]) => cells),
  );
}

const key = (...names: string[]): Cells => ["string", { names, runs: [0, 6] }, { role: "key" }];

const units = () =>
  table({
    site: key("a"),
    unit: ["int64", { values: [0, 0, 1, 1, 2, 2] }, { role: "key" }],
    class: ["string", { names: ["x", "y"], values: [0, 1, 0, 1, 0, 1] }, { role: "key" }],
    effect: [
      "float64",
      { values: [-3, 1, null, 2, -1, 0] },
      { unit: "score", role: "value", worse: -1, signed: true },
    ],
    lo: ["float64", { values: [-4, 0, null, 1, -2, -1] }, { role: "lo", of: "effect" }],
    hi: ["float64", { values: [-2, 2, null, 3, 0, 1] }, { role: "hi", of: "effect" }],
    n: ["int64", { runs: [50, 6] }, { unit: "examples", role: "n" }],
  });

test("columns come back from names, values and runs", () => {
  expect(decode({ names: ["a", "b"], runs: [1, 2, null, 1, 0, 1] })).toEqual(["b", "b", null, "a"]);
  expect(decode({ values: [1.5, null] })).toEqual([1.5, null]);
});

test("arrays come back from numbers, signed bytes and pixels", () => {
  expect([...unpack({ shape: [2], values: [0.5, null] }).values]).toEqual([0.5, NaN]);
  const bytes = (...signed: number[]) =>
    btoa(String.fromCharCode(...new Uint8Array(Int8Array.from(signed).buffer)));
  expect([...unpack({ shape: [4], bytes: bytes(127, -127, 0, -128), limit: 2 }).values]).toEqual([
    2,
    -2,
    0,
    NaN,
  ]);
  expect([...unpack({ shape: [2], bytes: bytes(-1, 7) }).values]).toEqual([255, 7]);
});

const value = (v = 1, more: Partial<Column> = {}): Cells => [
  "float64",
  { values: [v] },
  { role: "value", ...more },
];
const partOf = (role: string, of: string, v = 1, more: Partial<Column> = {}): Cells => [
  role === "n" ? "int64" : "float64",
  { values: [v] },
  { role, of, ...more },
];

test("a number is told with what is declared to be of it, its n first, and nothing of another's", () => {
  const rows = table({
    effect: value(-1),
    hi: partOf("hi", "effect", 0),
    lo: partOf("lo", "effect", -2),
    n: partOf("n", "", 50, { unit: "examples" }),
    control_effect: partOf("control", "effect", 0.5),
    control_lo: partOf("control_lo", "effect", -0.25),
    control_hi: partOf("control_hi", "effect", 0.75),
    accuracy_drop: value(0.125, { signed: true }),
    lost: ["int64", { values: [3] }, { unit: "examples", of: "accuracy_drop" }],
    p: partOf("p", "accuracy_drop", 0.5),
  });
  expect(describe(rows, 0, "effect")).toEqual([
    "effect −1",
    "95 % interval [−2, 0]",
    "n 50 examples",
    "control effect 0.5 [−0.25, 0.75]",
  ]);
  expect(describe(rows, 0, "accuracy_drop")).toEqual([
    "accuracy drop +0.125",
    "no interval",
    "n 50 examples",
    "lost 3",
    "p 0.5",
    "no control: tested against no effect",
  ]);
  expect(controlOf(rows, "effect")).toEqual(["control_effect", "control_lo", "control_hi"]);
  expect(controlOf(rows, "accuracy_drop")).toEqual(["", "", ""]);
});

test("a remark is told with what is declared to be of it, where there is any", () => {
  const text = (cell: string | null, note: Partial<Column> = {}): Cells => [
    "string",
    { values: [cell, null] },
    note,
  ];
  const rows = table({
    needed_by: text("3"),
    how: text("silent", { of: "needed_by", words: "how it needs it" }),
    most: text("5", { of: "needed_by" }),
    other: text("7"),
  });
  expect(more(rows, 0, "needed_by")).toEqual(["how it needs it: silent", "most: 5"]);
  expect(more(rows, 1, "needed_by")).toEqual([]);
});

test("names say nothing: a column is what its role says", () => {
  const rows = table({
    control_lo: value(),
    n: partOf("lo", "control_lo", 0),
    effect: partOf("hi", "control_lo", 2),
    auroc: partOf("control", "control_lo", 0.5),
  });
  expect(describe(rows, 0, "control_lo")).toEqual([
    "control lo 1",
    "95 % interval [0, 2]",
    "AUROC 0.5",
  ]);
  expect([nothing(rows, "auroc"), choose(rows)]).toEqual([0, null]);
});

test("each of two controls of a number has its own band", () => {
  const rows = table({
    drop: value(0.5),
    random: partOf("control", "drop", 0.1),
    random_lo: partOf("control_lo", "drop", 0),
    random_hi: partOf("control_hi", "drop", 0.2),
    matched: partOf("control", "drop", 0.3),
    matched_lo: partOf("control_lo", "drop", 0.25, { words: "95 % of these" }),
    matched_hi: partOf("control_hi", "drop", 0.35),
    p: partOf("p", "drop", 0),
  });
  expect(describe(rows, 0, "drop")).toEqual([
    "drop 0.5",
    "no interval",
    "random 0.1 [0, 0.2]",
    "matched 0.3, 95 % of these [0.25, 0.35]",
    "p < 1e−300",
  ]);
  expect(bounds(rows, "matched")).toEqual(["matched_lo", "matched_hi"]);
  expect(controlOf(rows, "drop")).toEqual(["random", "random_lo", "random_hi"]);
});

test("what lies beyond its control needs none beside it", () => {
  const rows = table({ plain: value(), more: value(1, { beyond: true }) });
  expect(describe(rows, 0, "plain").at(-1)).toBe("no control: described, not tested");
  expect(describe(rows, 0, "more").at(-1)).toBe("no interval");
});

test("a number with an n of its own has no other, and one n can be of several", () => {
  const sites = table({
    probe: value(),
    n: partOf("n", "probe gain", 5000),
    gain: value(),
    cka: value(),
    pairs: partOf("n", "cka", 2000),
    bare: value(),
  });
  expect(["probe", "gain", "cka", "bare"].map((name) => companions(sites, name))).toEqual([
    ["n"],
    ["n"],
    ["pairs"],
    [],
  ]);
  expect(sites.word("pairs")).toBe("n");
});

test("the range of a control that has no middle is told as one, a single end as what it is", () => {
  const pairs = table({
    r: value(),
    lo: partOf("lo", "r"),
    hi: partOf("hi", "r"),
    control_r_lo: partOf("control_lo", "r", -0.25, { words: "control (95 % of shuffles)" }),
    control_r_hi: partOf("control_hi", "r", 0.25),
    auroc: value(1, { neutral: 0.5 }),
    control_auroc_hi: partOf("control_hi", "auroc", 0.5),
  });
  expect(describe(pairs, 0, "r").at(-1)).toBe("control (95 % of shuffles) [−0.25, 0.25]");
  expect(describe(pairs, 0, "auroc")).toEqual(["AUROC 1", "no interval", "control AUROC hi 0.5"]);
  expect(controlOf(pairs, "r")).toEqual(["", "control_r_lo", "control_r_hi"]);
  expect(controlOf(pairs, "auroc")).toEqual(["", "", "control_auroc_hi"]);
  expect([nothing(pairs, "auroc"), nothing(pairs, "r")]).toEqual([0.5, 0]);
});

test("columns are called by the words of their declarations, their band by those of its lower end", () => {
  const rows = table({
    effect: value(-1, { words: "effect of removing it" }),
    control_effect: partOf("control", "effect", 0.5, { words: "control (median unit)" }),
    control_lo: partOf("control_lo", "effect", -0.25, { words: "95 % of the units" }),
    control_hi: partOf("control_hi", "effect", 0.75),
  });
  expect(describe(rows, 0, "effect")).toEqual([
    "effect of removing it −1",
    "no interval",
    "control (median unit) 0.5, 95 % of the units [−0.25, 0.75]",
  ]);
  expect(rows.word("other_column")).toBe("other column");
});

test("where a control was measured at other sizes only, they are told", () => {
  const curve = table({
    site: ["string", { names: ["a"], runs: [0, 3] }, { role: "key" }],
    k: ["int64", { values: [5, 1, 3] }, { role: "along" }],
    accuracy: ["float64", { values: [0.1, 0.9, 0.5] }, { role: "value" }],
    random: ["float64", { values: [0.8, 1, null] }, { role: "control", of: "accuracy" }],
  });
  expect(describe(curve, 2, "accuracy").at(-1)).toBe("control measured at k = 1, 5");
  expect(describe(curve, 0, "accuracy").at(-1)).toBe("random 0.8");
});

test("a loss has one colour, whichever sign its number has, and what isn't declared has none", () => {
  const about = (more: Partial<Column>) => ({
    name: "",
    kind: "",
    unit: "",
    meaning: "",
    of: "",
    ...more,
  });
  expect(sides(about({ worse: 1 }), "accuracy", "0")).toBe(
    "Orange: the class loses accuracy; blue: it gains",
  );
  expect(sides(about({ worse: -1, beyond: true }), "score", "0")).toBe(
    "Orange: the class loses more score; blue: it loses less",
  );
  expect(sides(about({ neutral: 0.5 }), "score", "0.5")).toBe("Blue above 0.5, orange below");
});

test("rows are found by what they hold", () => {
  expect(units().rows({ unit: 1 })).toEqual([2, 3]);
  expect(units().rows({ unit: 1, class: "y" })).toEqual([3]);
  expect(units().rows({ unit: 9 })).toEqual([]);
  expect(units().rows({})).toHaveLength(6);
});

test("a table of units and classes asks for a map, one along k for a curve", () => {
  expect(choose(units())).toMatchObject({
    kind: "heat",
    across: "unit",
    rows: "class",
    filters: [],
    values: ["effect"],
  });
  const along = table({
    class: ["string", { names: ["x", "y"], values: [0, 0, 1, 1] }, { role: "key" }],
    k: ["int64", { values: [1, 2, 1, 2] }, { unit: "units", role: "along" }],
    drop: ["float64", { values: [0, 1, 2, 3] }, { unit: "share", role: "value" }],
  });
  expect(choose(along)).toMatchObject({ kind: "curve", across: "k", filters: ["class"] });
  expect(keys(along)).toEqual(["class", "k"]);
  expect(choose(table({ name: ["string", { names: ["q"], values: [0] }] }))).toBeNull();
});

test("a view and the keys of a map are those that were declared, if the table has them", () => {
  const columns = (): Record<string, Cells> => ({
    from: ["string", { names: ["x", "y"], values: [0, 0, 1, 1, 0, 0, 1, 1] }, { role: "key" }],
    site: ["string", { names: ["a", "b"], values: [0, 0, 0, 0, 1, 1, 1, 1] }, { role: "key" }],
    into: ["string", { names: ["x", "y"], values: [0, 1, 0, 1, 0, 1, 0, 1] }, { role: "key" }],
    size: ["float64", { values: [0, 1, 2, 3, 4, 5, 6, 7] }, { role: "value" }],
  });
  const chosen = (look: Pick<FindingInfo, "view" | "across">) =>
    choose(table(columns(), "own", look));
  expect(chosen({ across: "from into" })).toMatchObject({ kind: "heat", filters: ["site"] });
  expect(chosen({})).toMatchObject({ kind: "heat", filters: ["from"] });
  expect(chosen({ view: "still" })).toBeNull();
  for (const across of ["from nowhere", "from from", "from", "__proto__ constructor"])
    expect(chosen({ across })).toMatchObject({ kind: "heat", filters: ["from"] });
  expect(chosen({ view: "dots" })).toMatchObject({ kind: "dots", filters: ["from", "site"] });
  expect(chosen({ view: "curve" })).toBeNull();
});

test("a file in a lens's folder is the view of the finding of its name, parts of views are none", () => {
  expect(Object.keys(own)).toEqual(
    expect.arrayContaining(["ablation.topk", "attribution.methods", "tracing.patching"]),
  );
  expect(
    Object.entries(own).filter(([name, view]) => !/^[a-z]+\.[a-z_]+$/.test(name) || !view),
  ).toEqual([]);
});

test("a tooltip names estimate, interval and n", () => {
  const lines = describe(units(), 0, "effect");
  expect(lines).toEqual([
    "effect −3 score",
    "95 % interval [−4, −2]",
    "n 50 examples",
    "no control: described, not tested",
  ]);
  expect(bounds(units(), "effect")).toEqual(["lo", "hi"]);
});

test("an interval is that of its number, wherever it stands", () => {
  const pairs = table({
    effect_a: value(),
    lo: partOf("lo", "interaction"),
    interaction: value(),
    hi: partOf("hi", "interaction"),
  });
  expect(bounds(pairs, "effect_a")).toEqual(["", ""]);
  expect(bounds(pairs, "interaction")).toEqual(["lo", "hi"]);
});

test("numbers have few digits and a minus sign", () => {
  expect([0.123456, -1234, 1.5e-9, 5e-324, null, true, NaN].map((v) => shown(v))).toEqual([
    "0.1235",
    "−1234",
    "1.50e-9",
    "< 1e−300",
    "–",
    "yes",
    "–",
  ]);
});

test("text for spreadsheets starts no formula", () => {
  expect(separated(["a"], [["=cmd()"], ['say "x", y'], [null], [-2]], ",")).toBe(
    'a\n =cmd()\n"say ""x"", y"\n\n-2\n',
  );
});

test("addresses lead there and back, and what leads nowhere leads to the opening", () => {
  expect(parse(to.unit(2, 7))).toEqual({ view: "unit", site: 2, unit: 7 });
  expect(parse(to.lens("own lens", "own.x"))).toEqual({
    view: "lens",
    lens: "own lens",
    finding: "own.x",
  });
  for (const hash of ["", "#/", "#/unit/x/1", "#/unit/1", "#/class/-1", "#/%", "#/unit/1.5/2"])
    expect(parse(hash)).toEqual({ view: "opening" });
});

test("zero has the page's colour, and one outlier among many sets no limit", () => {
  const by = {
    paper: [255, 255, 255],
    low: [1, 2, 3],
    high: [4, 5, 6],
    ink: "",
    soft: "",
    none: "none",
  } as const;
  const palette = {
    ...by,
    paper: [...by.paper],
    low: [...by.low],
    high: [...by.high],
  } as Parameters<typeof colour>[2];
  expect(colour(0, 1, palette)).toBe("rgb(255,255,255)");
  expect(colour(-2, 1, palette)).toBe("rgb(1,2,3)");
  expect(colour(NaN, 1, palette)).toBe("none");
  expect(limitOf([...Array(1000).fill(1), 100])).toBe(1);
  expect(limitOf([])).toBe(1);
});

test("sorting keeps missing cells last either way", () => {
  const cells = [2, null, 1];
  expect(sorted([0, 1, 2], cells, false)).toEqual([2, 0, 1]);
  expect(sorted([0, 1, 2], cells, true)).toEqual([0, 2, 1]);
});

test("a part of an array is what lies at its first indices", () => {
  const array = { shape: [2, 3, 2], values: Float32Array.from({ length: 12 }, (_, i) => i) };
  expect([...part(array, 1)]).toEqual([6, 7, 8, 9, 10, 11]);
  expect([...part(array, 1, 2)]).toEqual([10, 11]);
});

test("cells of a lattice are found where they lie, and steps stay inside", () => {
  const { at, spot, step } = lattice(10, 20, 5, 4, 3, 2);
  for (let cell = 0; cell < 6; cell++) expect(at(spot(cell).x + 1, spot(cell).y + 1)).toBe(cell);
  expect([at(9, 21), at(26, 21), at(11, 29), at(11, 19)]).toEqual([-1, -1, -1, -1]);
  expect([step(0, -1, 0), step(2, 1, 0), step(1, 1, 1), step(5, 0, 1)]).toEqual([0, 2, 5, 5]);
});

test("a method that fails a gate is named as failing, a control is not", () => {
  const gates = table({
    method: [
      "string",
      { names: ["saliency", "input_x_gradient", "edge", "random"], values: [0, 1, 1, 2, 3] },
    ],
    metric: ["string", { names: ["deletion_auc", "edge_similarity"], values: [0, 0, 1, 0, 0] }],
    passed: ["bool", { values: [true, true, false, false, null] }],
    method_name: [
      "string",
      { names: ["saliency", "input × gradient", "edge", "random"], values: [0, 1, 1, 2, 3] },
    ],
  });
  expect(tested(gates, 3)).toEqual(["value –", "no interval", "a control itself"]);
  expect(tested(gates, 0).at(-1)).toBe("no control: described, not tested");
  expect(nameOf(gates, "input_x_gradient")).toBe("input × gradient");
  expect(nameOf(gates, "a_method_of_ones_own")).toBe("a method of ones own");
  expect(methodsOf(gates)).toEqual(["saliency", "input_x_gradient", "edge"]);
  expect(failed(gates, "input_x_gradient")).toEqual(["edge similarity"]);
  expect(
    ["saliency", "input_x_gradient", "edge", "random"].map((name) => verdict(gates, name)),
  ).toEqual(["✓ passes all tests", "✗ fails edge similarity", "control", "control"]);
});

test("what a class needs is chosen by the rank of the selection split, and not at all where an audit has none", () => {
  const ranks = table({
    class: ["string", { names: ["a", "b"], values: [0, 0, 0, 1] }],
    effect: ["float64", { values: [-3, -1, -2, -9] }],
    rank: ["int64", { values: [2, 1, null, 1] }],
  });
  expect(ranked(ranks, "a")).toEqual([1, 0]);
  expect(ranked(units(), "a")).toEqual([]);
});

test("a column that an older audit lacks says nothing of itself and has no cells", () => {
  expect(units().about("auroc")).toMatchObject({ unit: "", meaning: "" });
  expect(units().cell(0, "auroc")).toBeNull();
  expect(describe(units(), 0, "auroc")[0]).toBe("AUROC –");
});

test("a class of just this name is found first, sites by their operation, lenses by their question", () => {
  const about = (title: string, statements: string[] = []): FindingInfo => ({
    title,
    total: 1,
    kept: "",
    statements,
    columns: [],
  });
  const column = (name: string, kind: string, unit = "") => ({
    name,
    kind,
    unit,
    meaning: name,
    of: "",
  });
  const audit = new Audit(
    {
      model: "",
      data: "",
      score: "margin",
      classes: ["17", "7"],
      sites: ["fc", "act"],
      lenses: [
        { name: "sites", question: "", findings: ["sites"] },
        {
          name: "ablation",
          question: "which neurons does each class depend on?",
          findings: ["ablation.units"],
        },
      ],
      findings: {
        sites: {
          ...about("Sites of the model"),
          total: 2,
          columns: [column("site", "string"), column("op", "string"), column("units", "int64")],
        },
        "ablation.units": {
          ...about("One unit at a time", ["Class 7 needs unit 3."]),
          columns: [column("site", "string"), column("unit", "int64")],
        },
      },
    },
    {
      sites: [
        { names: ["fc", "act"], values: [0, 1] },
        { names: ["linear", "relu"], values: [0, 1] },
        { values: [9, 9] },
      ],
      "ablation.units": [{ names: ["act"], values: [0] }, { values: [8] }],
    },
    null,
  );
  const found = (words: string) => search(audit, words).map((hit) => hit.hash);
  expect(found("7"), "a number in a sentence is none of these").toEqual([
    "#/class/1",
    "#/unit/1/7",
    "#/class/0",
  ]);
  expect(found("act 7")[0]).toBe("#/unit/1/7");
  expect(found("relu")).toEqual(["#/unit/1/0"]);
  expect(found("linear")).toEqual(["#/lens/sites"]);
  expect(found("depend on")).toEqual(["#/lens/ablation"]);
  expect(found("one unit at")).toEqual(["#/lens/ablation/ablation.units"]);
});

test("layers, units and words are found by what readers see and by what they type", () => {
  const column = (name: string, kind: string, unit = "") => ({
    name,
    kind,
    unit,
    meaning: name,
    of: "",
  });
  const audit = new Audit(
    {
      model: "m",
      data: "d",
      score: "margin",
      classes: ["a"],
      inputs: {
        kind: "tokens",
        part: "token",
        parts: "tokens",
        example: "text",
        examples: "texts",
        features: [],
      },
      sites: ["conv2", "L2 (conv2 · relu)"],
      keys: ["conv2", "relu#2"],
      lenses: [],
      findings: {
        "activation.units": {
          title: "units",
          total: 1,
          kept: "",
          statements: [],
          columns: [column("site", "string"), column("unit", "int64")],
        },
        "mechanism.clusters": {
          title: "clusters",
          total: 2,
          kept: "",
          statements: [],
          columns: [
            column("site", "string"),
            column("cluster", "int64"),
            column("preferred_class", "string"),
          ],
        },
      },
    },
    {
      "activation.units": [{ names: ["L2 (conv2 · relu)"], values: [0] }, { values: [20] }],
      "mechanism.clusters": [
        { names: ["L2 (conv2 · relu)"], values: [0, 0] },
        { values: [0, 2] },
        { names: ["a"], values: [0, 0] },
      ],
    },
    null,
  );
  const found = (words: string) => search(audit, words).map((hit) => hit.hash);
  for (const words of ["conv2 17", "L2 17", "l2·17", "relu#2 17", "neuron 17"])
    expect(found(words)).toContain("#/unit/1/17");
  expect(found("conv2")[0], "a name comes before a unit of its last digit").toBe("#/lens/sites");
  for (const words of ["cluster C", "cluster 2"])
    expect(search(audit, words)[0].words).toBe("cluster C of L2 (conv2 · relu), prefers class a");
  expect(audit.key("L2 (conv2 · relu)")).toBe("relu#2");
  expect(audit.inWords("An image: which input pixels? activation.images")).toBe(
    "A text: which tokens? activation.images",
  );
  expect([layer("L2 (conv2 · relu)"), layer("conv2"), letter(2), letter(27)]).toEqual([
    "L2",
    "conv2",
    "C",
    "AB",
  ]);
});

test("edges are told by their sizes either way, without those that have none", () => {
  const edges = table({ effect: ["float64", { values: [-4, 1, 3, null, -2, 100] }] });
  expect(sizes(edges, [0, 1, 2, 3, 4])).toEqual({ n: 4, low: 1, middle: 2, high: 3, most: 4 });
  expect(sizes(edges, []).n).toBe(0);
});
