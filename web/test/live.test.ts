import { expect, test } from "vitest";
import { Audit } from "../src/data";
import { unitsIn, written } from "../src/live/chosen";
import { axisOf, closer } from "../src/live/Difference";
import { hold, inputAt } from "../src/live/own";
import { predictionOf } from "../src/live/Probabilities";
import { numberIn, numbersTyped, reach, unitsTyped } from "../src/live/typed";
import { parse, to } from "../src/route";
import { search } from "../src/views/Bar";

const age = { what: "age", low: -1.5, high: 80 };

test.each(["81", "1e30", "-2", "NaN", "Infinity", "", "  ", "1,5", "x", "0x", "--1"])(
  "what isn't a number within the range is refused with what, got, allowed and next: %s",
  (typed) => {
    const line = numberIn(typed, age);
    expect(line).toMatch(/^age is a number from −1.5 to 80/);
    expect(line).toMatch(/: type one|; type one of those\.$/);
    if (typed.trim()) expect(line).toContain(`“${typed}”`);
  },
);

test("a number within its range is what was typed, also with a real minus sign", () => {
  expect(numberIn("−1.25", age)).toBe(-1.25);
  expect(numberIn(" 80 ", age)).toBe(80);
  expect(numberIn("2.5", { ...age, whole: true })).toMatch(/a whole number .* not “2.5”/);
});

test("a limit may be typed as it is shown, with four digits", () => {
  const wide = { what: "age", low: -2.34561, high: 2.755807 };
  expect(numberIn("2.756", wide)).toBe(2.755807);
  expect(numberIn("-2.346", wide)).toBe(-2.34561);
  expect(numberIn("2.757", wide)).toMatch(/beyond/);
});

test("units are whole numbers of the site, or nothing for all", () => {
  expect(unitsTyped(" 3, 17,3", 20, "L1")).toEqual([3, 17]);
  expect(unitsTyped("  ", 20, "L1")).toBeNull();
  expect(unitsTyped("3, 20", 20, "L1")).toMatch(/L1 has units 0 to 19; there is no unit 20/);
  for (const typed of ["-1", "1e3", "3;4", "3,", "a"])
    expect(unitsTyped(typed, 20, "L1")).toMatch(/whole numbers with commas/);
});

test("tokens without words are typed as so many numbers of the data", () => {
  expect(numbersTyped(" 1 0, 8", 3, [0, 8])).toEqual([1, 0, 8]);
  expect(numbersTyped("1 9 0", 3, [0, 8])).toMatch(/3 whole numbers from 0 to 8.*not “9”/);
  expect(numbersTyped("1 x 0", 3, [0, 8])).toMatch(/not “x”/);
  for (const typed of ["", "1 2", "1 2 3 4"])
    expect(numbersTyped(typed, 3, [0, 8])).toMatch(/got \d; type 3\.$/);
});

test("an address's units come back, and what names none is told", () => {
  const sites = ["a", "b"];
  const { units, unread } = unitsIn("1:5.17~0:3", sites);
  expect(units).toEqual([
    ["b", 5],
    ["b", 17],
    ["a", 3],
  ]);
  expect(unread).toEqual([]);
  expect(written(units, sites)).toBe("1:5.17~0:3");
  expect(unitsIn("2:1~x~0:1.~0:-1~0:2", sites)).toEqual({
    units: [["a", 2]],
    unread: ["“2:1”", "“x”", "“0:1.”", "“0:-1”"],
  });
});

test("an axis ends at the next of 1, 2, 5, 10 on either side, so that half a point is seen", () => {
  expect([0, 0.4, 1, 1.1, 3, 7, 20, 32].map((most) => reach([most]))).toEqual([
    1, 0.5, 1, 2, 3, 10, 20, 50,
  ]);
  expect(axisOf([-0.5, 0])).toEqual({ low: -0.5, high: 0 });
  expect(axisOf([-32.5, 0.5])).toEqual({ low: -50, high: 0.5 });
  expect(axisOf([])).toEqual({ low: 0, high: 1 });
  const many = [-27.9, -20.8, -1.2, 0.4, -0.5, 0.8, -0.9];
  expect(closer(axisOf(many), many)).toEqual({ low: -1, high: 1 });
  expect(closer(axisOf([-2, 1]), [-2, 1])).toBeNull();
});

test("probabilities are those of the logits, however large", () => {
  expect(predictionOf([1000, 1000, -1000])).toMatchObject({
    probabilities: [0.5, 0.5, 0],
    prediction: 0,
  });
});

test("an address names an example, what was drawn, or nothing, and that is said", () => {
  expect(inputAt("7", 8, "image")).toBe(7);
  for (const place of ["8", "-1", "x", "1e0", "7.0"])
    expect(inputAt(place, 8, "image")).toMatch(/There is no example “.*”: the data have 0 to 7/);
  expect(inputAt("drawn", 8, "text")).toMatch(/No text of your own/);
  hold({ text: "good" }, 3);
  expect(inputAt("drawn", 8, "text")).toEqual({ text: "good" });
});

test("drawing, patching and steering have addresses of their own", () => {
  for (const [hash, route] of [
    [to.draw(), { view: "draw", place: "" }],
    [to.draw(3), { view: "draw", place: "3" }],
    [to.steer("drawn"), { view: "steer", place: "drawn", label: 0 }],
    [to.steer(3, 7), { view: "steer", place: "3", label: 7 }],
    [to.patch(3, 5), { view: "patch", place: "3", from: "5" }],
    [to.jobs("ablation"), { view: "jobs", lens: "ablation" }],
  ] as const)
    expect(parse(hash)).toEqual(route);
});

const column = (name: string, kind: string) => ({ name, kind, unit: "", meaning: name, of: "" });
const pages = [
  { words: "draw an input", also: "drawing type", hash: to.draw() },
  { words: "patch activations", also: "patching", hash: to.patch() },
];
const audit = new Audit(
  {
    model: "m",
    data: "d",
    score: "margin",
    classes: ["low", "high"],
    inputs: {
      kind: "features",
      part: "input",
      parts: "inputs",
      example: "example",
      examples: "examples",
      features: ["blood pressure", "age"],
    },
    sites: ["L1 (body.0 · relu)", "L10 (body.9 · relu)"],
    keys: ["body.1", "body.10"],
    lenses: [],
    findings: {
      "activation.concepts": {
        title: "labels",
        total: 3,
        kept: "",
        statements: [],
        columns: [
          column("site", "string"),
          column("unit", "int64"),
          column("concept", "string"),
          column("f1", "float64"),
        ],
      },
    },
  },
  {
    "activation.concepts": [
      { names: ["L1 (body.0 · relu)"], values: [0, 0, 0] },
      { values: [4, 7, 9] },
      { names: ["much ink"], values: [0, 0, null] },
      { values: [0.3, 0.9, null] },
    ],
  },
  null,
);
const found = (words: string, of = pages) => search(audit, words, of).map((hit) => hit.hash);

test("what can be done on a live page is found by its names", () => {
  expect(found("patching")[0]).toBe(to.patch());
  expect(found("drawing")[0]).toBe(to.draw());
  expect(found("patching", [])).toEqual([]);
});

test("features are found by their words, and lead to their form", () => {
  expect(search(audit, "pressure", pages)[0].words).toMatch(/^feature blood pressure/);
  expect(found("age")[0]).toBe(to.draw());
  expect(found("feature age")[0]).toBe(to.draw());
});

test("units are found by their labels, those that they fit best first", () => {
  expect(found("ink")).toEqual([to.unit(0, 7), to.unit(0, 4)]);
});

test("a layer is meant whole, and a module's path as it is typed", () => {
  expect(found("L1 40")).toEqual([to.unit(0, 40)]);
  expect(found("L10 40")).toEqual([to.unit(1, 40)]);
  expect(found("body.9 40")).toEqual([to.unit(1, 40)]);
});
