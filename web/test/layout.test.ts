import { expect, test } from "vitest";
import { layers, type Edge } from "../src/lenses/mechanism/layers";
import { square } from "../src/views/matrix";

const edge = (a: [number, number], b: [number, number]): Edge => ({ from: a, to: b });

test("nodes stand in the column of their site, once each", () => {
  const nodes = layers([edge([0, 1], [1, 5]), edge([0, 2], [1, 5]), edge([1, 5], [4, 0])]);
  expect(nodes.size).toBe(4);
  expect([...nodes.values()].map((n) => [n.site, n.x])).toEqual([[0, 0], [1, 0.5], [0, 0], [4, 1]]);
  expect(new Set([...nodes.values()].map((n) => `${n.x} ${n.y}`)).size).toBe(4);
});

test("crossed edges are uncrossed, and the same edges give the same places", () => {
  const edges = [edge([0, 0], [1, 3]), edge([0, 1], [1, 2]), edge([0, 2], [1, 1]), edge([0, 3], [1, 0])];
  const nodes = layers(edges);
  for (const { from, to } of edges) expect(nodes.get(from.join("."))!.y).toBeCloseTo(nodes.get(to.join("."))!.y);
  expect([...layers(edges).values()]).toEqual([...nodes.values()]);
});

test("a square's cells answer to places, keys and the order of its rows", () => {
  const cells = square({ order: [7, 3, 5], value: (a, b) => a - b, limit: 1, cuts: [], lines: (a, b) => [`${a} ${b}`], open: () => undefined }, 60);
  expect(cells.width).toBe(42);
  expect(cells.lines(cells.at(15, 1))).toEqual(["7 3"]);
  expect(cells.lines(cells.step(0, 0, 1))).toEqual(["3 7"]);
  expect(cells.step(2, 1, 0)).toBe(2);
  expect(cells.at(43, 1)).toBe(-1);
  expect(cells.spot(cells.at(30, 15))).toMatchObject({ x: 28, y: 14 });
});
