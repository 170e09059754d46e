import { expect, test } from "vitest";
import { byLargest } from "../src/choose";
import { Audit, type Column } from "../src/data";
import { apart } from "../src/lenses/agreement/units";
import { type Edge, layers } from "../src/lenses/mechanism/layers";
import { inOrder } from "../src/views/Heat";
import { square } from "../src/views/matrix";
import { laid } from "../src/views/Network";

const edge = (a: [number, number], b: [number, number]): Edge => ({ from: a, to: b });

test("nodes stand in the column of their site, once each", () => {
  const nodes = layers([edge([0, 1], [1, 5]), edge([0, 2], [1, 5]), edge([1, 5], [4, 0])]);
  expect(nodes.size).toBe(4);
  expect([...nodes.values()].map((n) => [n.site, n.x])).toEqual([
    [0, 0],
    [1, 0.5],
    [0, 0],
    [4, 1],
  ]);
  expect(new Set([...nodes.values()].map((n) => `${n.x} ${n.y}`)).size).toBe(4);
});

test("crossed edges are uncrossed, and the same edges give the same places", () => {
  const edges = [
    edge([0, 0], [1, 3]),
    edge([0, 1], [1, 2]),
    edge([0, 2], [1, 1]),
    edge([0, 3], [1, 0]),
  ];
  const nodes = layers(edges);
  for (const { from, to } of edges)
    expect(nodes.get(from.join("."))!.y).toBeCloseTo(nodes.get(to.join("."))!.y);
  expect([...layers(edges).values()]).toEqual([...nodes.values()]);
});

test("a square's cells answer to places, keys and the order of its rows", () => {
  const cells = square(
    {
      order: [7, 3, 5],
      value: (a, b) => a - b,
      limit: 1,
      cuts: [],
      title: "units",
      lines: (a, b) => [`${a} ${b}`],
      open: () => undefined,
    },
    60,
  );
  expect(cells.width).toBe(42);
  expect(cells.lines(cells.at(15, 21))).toEqual(["7 3"]);
  expect(cells.lines(cells.step(0, 0, 1))).toEqual(["3 7"]);
  expect(cells.step(2, 1, 0)).toBe(2);
  expect(cells.at(43, 21)).toBe(-1);
  expect(cells.spot(cells.at(30, 35))).toMatchObject({ x: 28, y: 34 });
});

test("names that would lie on each other are moved below their marks, or left out", () => {
  const places = [
      [0.5, 1],
      [0.501, 1],
      [0.502, 1],
      [1, 0],
    ],
    x = (row: number) => places[row][0],
    y = (row: number) => places[row][1];
  expect(apart([0, 1, 2, 3], [0, 1, 2, 3], x, y, 760)).toEqual([
    { row: 0, dy: -10 },
    { row: 1, dy: 11 },
    { row: 3, dy: -10 },
  ]);
});

test("the map has every unit, also those whose rows the page doesn't hold", () => {
  const column = (name: string, kind = "float64") => ({
    name,
    kind,
    unit: "",
    meaning: name,
    of: "",
  });
  const info = (total: number, columns: Column[]) => ({
    title: "",
    total,
    kept: "with the largest effect",
    statements: [],
    columns,
  });
  const findings = {
    sites: info(2, [column("site", "string"), column("units", "int64"), column("op", "string")]),
    "ablation.units": info(12, [
      column("site", "string"),
      column("unit", "int64"),
      { ...column("effect"), signed: true },
    ]),
  };
  const audit = new Audit(
    { model: "", data: "", score: "", classes: [], sites: ["a", "b"], lenses: [], findings },
    {
      sites: [
        { names: ["a", "b"], values: [0, 1] },
        { values: [4, 2] },
        { names: ["relu"], values: [0, 0] },
      ],
      "ablation.units": [
        { names: ["a", "b"], values: [0, 0, 1] },
        { values: [3, 1, 0] },
        { values: [-2, 1, 0.5] },
      ],
    },
    null,
  );
  const opened: [string, number][] = [],
    table = audit.table("ablation.units")!;
  const cells = laid(audit, table, [0, 1, 2], (...unit) => opened.push(unit), undefined, 500);
  const at = (cell: number) => cells.at(cells.spot(cell).x + 2, cells.spot(cell).y + 2);
  expect([0, 1, 2, 3, 4, 5].map(at)).toEqual([0, 1, 2, 3, 4, 5]);
  expect([0, 1, 3, 4, 5].map((cell) => cells.lines(cell).slice(0, 2))).toEqual([
    ["a (relu) · unit 0", "its effect isn't on this page"],
    ["a (relu) · unit 1", "effect +1"],
    ["a (relu) · unit 3", "effect −2"],
    ["b (relu) · unit 0", "effect +0.5"],
    ["b (relu) · unit 1", "its effect isn't on this page"],
  ]);
  for (const cell of [3, 5]) cells.open!(cell);
  expect(opened).toEqual([
    ["a", 3],
    ["b", 1],
  ]);
});

test("columns stand by the row of their largest number, those of nothing last", () => {
  const cells = [
    [1, "a", 0],
    [2, "a", 3],
    [2, "b", 1],
    [3, "a", 4],
    [4, "b", 9],
    [5, "a", NaN],
    [1, "b", 0],
  ].map(([column, row, size]) => ({ column, row, size: size as number }));
  expect(byLargest([1, 2, 3, 4, 5], ["a", "b"], cells)).toEqual([3, 2, 4, 1, 5]);
});

test("numbers that are the names of classes, too, stay numbers", () => {
  const classes = ["0", "1", "2"];
  expect(inOrder([2, 0, 1], classes)).toEqual([0, 1, 2]);
  expect(inOrder(["2", "all", "0"], classes)).toEqual(["0", "2", "all"]);
});
