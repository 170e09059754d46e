import { expect, test } from "vitest";
import { Audit, type Cell, type Encoded } from "../src/data";
import { type Link, linksOf, sitesOf } from "../src/lenses/mechanism/_links";

/** A table of rows, by their columns. */
function rows(names: string[], cells: Cell[][]) {
  const columns = names.map((name, i) => ({
    name,
    kind: cells.every((row) => typeof row[i] === "string") ? "string" : "float64",
    unit: "",
    meaning: "",
    of: ["lo", "hi"].includes(name) ? "effect" : "",
    role: ["lo", "hi"].includes(name) ? name : "",
  }));
  const encoded: Encoded[] = columns.map(({ kind }, i) => {
    const values = cells.map((row) => row[i]);
    const own = [...new Set(values)] as string[];
    return kind === "string"
      ? { names: own, values: values.map((v) => own.indexOf(v as string)) }
      : { values };
  });
  const info = { title: "", total: cells.length, kept: "", statements: [], columns };
  return { info, encoded };
}

/** Two layers of three units. Class b needs unit 1 of L2, which unit 0 of L1 feeds; a needs others. */
function planted(): Audit {
  const units = rows(
    ["site", "unit", "class", "effect", "lo", "hi", "rank"],
    [
      ["L2", 1, "b", -5, -6, -4, 1],
      ["L1", 0, "b", -3, -4, -2, 2],
      ["L2", 2, "b", -1, -2, 0, 3],
      ["L2", 0, "a", -4, -5, -3, 1],
      ["L1", 2, "a", -2, -3, -1, 2],
    ],
  );
  const images = rows(
    ["example", "label", "prediction", "kind", "site", "unit", "rank", "effect"],
    [
      [7, "b", "a", "mistaken", "L2", 2, 1, 2],
      [7, "b", "a", "mistaken", "L1", 1, 1, -1],
    ],
  );
  const edges = rows(
    [
      "site_a",
      "unit_a",
      "site_b",
      "unit_b",
      "class",
      "effect",
      "lo",
      "hi",
      "spread",
      "rank",
      "kind",
    ],
    [
      ["L1", 0, "L2", 1, "b", -2, -3, -1, 2, 1, "top"],
      ["L1", 1, "L2", 2, "b", 1, 0.5, 1.5, 2, 2, "top"],
      ["L1", 2, "L2", 0, "a", -2, -3, -1, 4, 1, "top"],
      ["L1", 2, "L2", 1, "b", 9, 8, 10, 1, null, "random"],
    ],
  );
  const all = { "ablation.units": units, "ablation.images": images, "mechanism.edges": edges };
  return new Audit(
    {
      model: "",
      data: "",
      score: "margin",
      classes: ["a", "b"],
      sites: ["L1", "L2"],
      lenses: [],
      findings: Object.fromEntries(Object.entries(all).map(([n, t]) => [n, t.info])),
    },
    Object.fromEntries(Object.entries(all).map(([n, t]) => [n, t.encoded])),
    null,
  );
}

const audit = planted(),
  table = audit.table("mechanism.edges")!;
const drawn = (what: Parameters<typeof linksOf>[3]) => linksOf(audit, table, [0, 1], what);
const named = (links: Link[]) => links.map(({ from, to }) => `${from} > ${to}`).sort();

test("a class's evidence runs from the units that it needs through what feeds them", () => {
  expect(sitesOf(audit, table)).toEqual([0, 1]);
  const links = drawn({ classes: [1] });
  expect(named(links)).toEqual(["0,0 > 1,1", "0,0 > 2,1", "0,1 > 1,2", "1,1 > 2,1", "1,2 > 2,1"]);
  const width = new Map(links.map((l) => [`${l.from} > ${l.to}`, l.size]));
  expect(width.get("0,0 > 1,1"), "in standard deviations of what it leads to").toBe(1);
  expect(width.get("1,1 > 2,1")).toBe(5);
});

test("of several classes each has its own units of the last layer", () => {
  expect(named(drawn({ classes: [0, 1] }))).toEqual([
    "0,0 > 1,1",
    "0,1 > 1,2",
    "0,2 > 1,0",
    "1,0 > 2,0",
    "1,1 > 2,1",
    "1,2 > 2,1",
  ]);
});

test("of one image its own units are drawn, with the links that its class has between them", () => {
  expect(named(drawn({ classes: [1], example: 7 }))).toEqual([
    "0,1 > 1,2",
    "0,1 > 2,1",
    "1,2 > 2,1",
  ]);
});

test("every line has its interval in its table, but those of a single image", () => {
  for (const { table, row } of drawn({ classes: [0, 1] }))
    expect(table.number(row, "lo")).toBeLessThan(table.number(row, "hi"));
});

test("of a single layer the flow runs from its units to the classes", () => {
  const one = planted();
  const none = one.table("mechanism.edges")!;
  Object.defineProperty(none, "length", { value: 0 });
  none.distinct = () => [];
  none.rows = () => [];
  expect(sitesOf(one, none)).toEqual([0, 1]);
  const links = linksOf(one, none, [1], { classes: [0, 1] });
  expect(named(links)).toEqual(["1,0 > 2,0", "1,1 > 2,1", "1,2 > 2,1"]);
});
