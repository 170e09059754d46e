import { expect, test } from "vitest";
import { beside, bounds, decode, nothing, part, ranked, separated, shown, Table, told, unpack, type Encoded, type Told } from "../src/data";
import { choose, keys } from "../src/choose";
import { colour, limitOf } from "../src/colour";
import { parse, to } from "../src/route";
import { failed, methodsOf, verdict } from "../src/lenses/attribution/gates";
import { sorted } from "../src/views/DataTable";
import { lattice } from "../src/views/Grid";

export function table(columns: Record<string, [string, Encoded, string?]>, name = "own.table"): Table {
  const entries = Object.entries(columns);
  const about: Told = { title: name, total: 0, statements: [], columns: entries.map(([n, [kind, , unit]]) => ({ name: n, kind, unit: unit ?? "", meaning: n })) };
  return new Table(name, about, entries.map(([, [, cells]]) => cells));
}

const units = () => table({
  site: ["string", { names: ["a"], runs: [0, 6] }],
  unit: ["int64", { values: [0, 0, 1, 1, 2, 2] }],
  class: ["string", { names: ["x", "y"], values: [0, 1, 0, 1, 0, 1] }],
  effect: ["float64", { values: [-3, 1, null, 2, -1, 0] }, "score"],
  lo: ["float64", { values: [-4, 0, null, 1, -2, -1] }, "score"],
  hi: ["float64", { values: [-2, 2, null, 3, 0, 1] }, "score"],
  n: ["int64", { runs: [50, 6] }, "examples"],
});

test("columns come back from names, values and runs", () => {
  expect(decode({ names: ["a", "b"], runs: [1, 2, null, 1, 0, 1] })).toEqual(["b", "b", null, "a"]);
  expect(decode({ values: [1.5, null] })).toEqual([1.5, null]);
});

test("arrays come back from numbers, signed bytes and pixels", () => {
  expect([...unpack({ shape: [2], values: [0.5, null] }).values]).toEqual([0.5, NaN]);
  const bytes = (...signed: number[]) => btoa(String.fromCharCode(...new Uint8Array(Int8Array.from(signed).buffer)));
  expect([...unpack({ shape: [4], bytes: bytes(127, -127, 0, -128), limit: 2 }).values]).toEqual([2, -2, 0, NaN]);
  expect([...unpack({ shape: [2], bytes: bytes(-1, 7) }).values]).toEqual([255, 7]);
});

test("a control's bounds are told only beside the value that it controls", () => {
  const one = (v: number): [string, Encoded] => ["float64", { values: [v] }];
  const rows = table({ effect: one(-1), lo: one(-2), hi: one(0), control_effect: one(0.1), control_lo: one(-0.3), control_hi: one(0.2), accuracy_drop: one(0.01), p: one(0.5) });
  expect(beside(rows, "effect")).toEqual(["control_effect", "control_lo", "control_hi"]);
  expect(beside(rows, "accuracy_drop")).toEqual(["p"]);
});

test("of two numbers with controls each is told beside its own", () => {
  const one = (v = 1): [string, Encoded] => ["float64", { values: [v] }];
  const units = table({ auroc: one(), auroc_lo: one(), auroc_hi: one(), control_auroc_hi: one(), average_precision: one(), control_average_precision: one() });
  expect(beside(units, "auroc")).toEqual(["control_auroc_hi"]);
  expect(beside(units, "average_precision")).toEqual(["control_average_precision"]);
  const areas = table({ area: one(), lo: one(), hi: one(), p: one(), matched_area: one(), matched_lo: one(), matched_p: one(), half: one(), half_lo: one(), half_hi: one(), half_random: one() });
  expect(beside(areas, "area")).toEqual(["p", "matched_area", "matched_lo", "matched_p"]);
  expect(beside(areas, "half")).toEqual(["half_random"]);
  const ranks = table({ spearman: one(), lo: one(), hi: one(), overlap: one(), overlap_lo: one(), overlap_hi: one(), overlap_chance: one(), overlap_p: one(), n: one() });
  expect(beside(ranks, "spearman")).toEqual(["n"]);
  expect(beside(ranks, "overlap")).toEqual(["n", "overlap_chance", "overlap_p"]);
});

test("a control's bounds stand behind it", () => {
  const one = (v: number): [string, Encoded] => ["float64", { values: [v] }];
  const rows = table({ effect: one(-1), lo: one(-2), hi: one(0), control_effect: one(0.5), control_lo: one(-0.25), control_hi: one(0.75) });
  expect(told(rows, 0, "effect")).toEqual(["effect −1", "95 % interval [−2, 0]", "control effect 0.5 [−0.25, 0.75]"]);
});

test("rows are found by what they hold", () => {
  expect(units().rows({ unit: 1 })).toEqual([2, 3]);
  expect(units().rows({ unit: 1, class: "y" })).toEqual([3]);
  expect(units().rows({ unit: 9 })).toEqual([]);
  expect(units().rows({})).toHaveLength(6);
});

test("a table of units and classes asks for a map, one along k for a curve", () => {
  expect(choose(units())).toMatchObject({ kind: "heat", across: "unit", rows: "class", filters: [], values: ["effect"] });
  const along = table({
    class: ["string", { names: ["x", "y"], values: [0, 0, 1, 1] }],
    k: ["int64", { values: [1, 2, 1, 2] }, "units"],
    drop: ["float64", { values: [0, 1, 2, 3] }, "share"],
  });
  expect(choose(along)).toMatchObject({ kind: "curve", across: "k", filters: ["class"] });
  expect(keys(along)).toEqual(["class", "k"]);
  expect(choose(table({ name: ["string", { names: ["q"], values: [0] }] }))).toBeNull();
});

test("a tooltip names estimate, interval and n", () => {
  const lines = told(units(), 0, "effect");
  expect(lines).toEqual(["effect −3 score", "95 % interval [−4, −2]", "n 50 examples"]);
  expect(bounds(units(), "effect")).toEqual(["lo", "hi"]);
  expect(nothing("auroc")).toBe(0.5);
});

test("interval, n and control are those of the value that is told", () => {
  const float = (unit = "share"): [string, Encoded, string] => ["float64", { values: [0.1] }, unit];
  const count: [string, Encoded, string] = ["int64", { values: [5] }, "examples"];
  const sets = table({
    drop: float(), lo: float(), hi: float(), control_drop: float(), p: float(), n: count,
    class_drop: float(), class_lo: float(), class_hi: float(), class_control_drop: float(), class_p: float(), class_n: count,
  });
  expect(beside(sets, "drop")).toEqual(["n", "control_drop", "p"]);
  expect(beside(sets, "class_drop")).toEqual(["class_n", "class_control_drop", "class_p"]);
  expect(bounds(sets, "class_drop")).toEqual(["class_lo", "class_hi"]);
  const pairs = table({ effect_a: float(), interaction: float(), lo: float(), hi: float(), q: float() });
  expect(bounds(pairs, "effect_a")).toEqual(["", ""]);
  expect(beside(pairs, "effect_a")).toEqual([]);
  expect(beside(pairs, "interaction")).toEqual(["q"]);
});

test("numbers have few digits and a minus sign", () => {
  expect([0.123456, -1234, 1.5e-9, null, true, NaN].map((v) => shown(v))).toEqual(["0.1235", "−1234", "1.50e-9", "–", "yes", "–"]);
});

test("text for spreadsheets starts no formula", () => {
  expect(separated(["a"], [["=cmd()"], ['say "x", y'], [null], [-2]], ",")).toBe('a\n =cmd()\n"say ""x"", y"\n\n-2\n');
});

test("addresses lead there and back, and what leads nowhere leads to the opening", () => {
  expect(parse(to.unit(2, 7))).toEqual({ view: "unit", site: 2, unit: 7 });
  expect(parse(to.lens("own lens", "own.x"))).toEqual({ view: "lens", lens: "own lens", finding: "own.x" });
  for (const hash of ["", "#/", "#/unit/x/1", "#/unit/1", "#/class/-1", "#/%", "#/unit/1.5/2"]) expect(parse(hash)).toEqual({ view: "opening" });
});

test("zero has the page's colour, and one outlier among many sets no limit", () => {
  const by = { paper: [255, 255, 255], low: [1, 2, 3], high: [4, 5, 6], ink: "", soft: "", none: "none" } as const;
  const palette = { ...by, paper: [...by.paper], low: [...by.low], high: [...by.high] } as Parameters<typeof colour>[2];
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
    method: ["string", { names: ["saliency", "input_x_gradient", "edge", "random"], values: [0, 1, 1, 2, 3] }],
    metric: ["string", { names: ["deletion_auc", "edge_similarity"], values: [0, 0, 1, 0, 0] }],
    passed: ["bool", { values: [true, true, false, false, null] }],
  });
  expect(methodsOf(gates)).toEqual(["saliency", "input_x_gradient", "edge"]);
  expect(failed(gates, "input_x_gradient")).toEqual(["edge similarity"]);
  expect(["saliency", "input_x_gradient", "edge", "random"].map((name) => verdict(gates, name))).toEqual(["✓ passes all", "✗ fails 1 gate", "control", "control"]);
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
  expect(told(units(), 0, "auroc")[0]).toBe("AUROC –");
});
