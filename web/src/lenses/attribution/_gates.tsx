// Which tests does each method stand?

import { useMemo } from "preact/hooks";
import { colour } from "../../colour";
import type { Table } from "../../data";
import { Frame } from "../../views/Frame";
import { type Cells, Grid, lattice } from "../../views/Grid";
import { bounds, describe, plain, shown } from "../../wording";

const CONTROLS = ["edge", "random"];
const [LEFT, TOP, WIDE, HIGH] = [150, 24, 134, 62];

/** Methods in their order; the maps' arrays have them without `random`, which the curves have last. */
export const methodsOf = (table: Table) =>
  (table.distinct("method") as string[]).filter((name) => name !== "random");

/** A method's name as sentences write it, which its rows say. */
export const nameOf = (table: Table, method: string): string => {
  const [row] = table.has("method_name") ? table.rows({ method }) : [];
  return row === undefined ? plain(method) : shown(table.cell(row, "method_name"));
};

/** What is known of a value; a control has no control of its own. */
export const tested = (table: Table, row: number): string[] => {
  const lines = describe(table, row, "value");
  return CONTROLS.includes(String(table.cell(row, "method")))
    ? [...lines.filter((line) => !line.startsWith("no control")), "a control itself"]
    : lines;
};

/** What a method that fails a test was found to do. */
const FOUND: Record<string, string> = {
  "deletion auc": "removing the pixels that it names costs no more than removing random ones",
  "insertion auc": "putting in the pixels that it names brings no more than random ones",
  completeness: "its sum misses the change of the objective",
  randomisation: "the map hardly changes in a randomly initialised network",
  "edge similarity": "the map resembles an edge filter's, which sees no model",
};

/** Tests that a method fails, each once however many rows ask it; of a control, which sees no model, nothing is asked. */
export function failed(table: Table, method: string): string[] {
  if (CONTROLS.includes(method)) return [];
  return [
    ...new Set(
      table
        .rows({ method, passed: false })
        .map((row) => plain(String(table.cell(row, "metric")).replace(/_nonzero$/, ""))),
    ),
  ];
}

/** The tests that a method fails, and what each says. */
export const why = (table: Table, method: string): string =>
  failed(table, method)
    .map((test) => `${test} (${FOUND[test] ?? "see the table"})`)
    .join("; ");

export function verdict(table: Table, method: string): string {
  const tests = failed(table, method);
  return CONTROLS.includes(method)
    ? "control"
    : tests.length
      ? `✗ fails ${tests.length > 1 ? `${tests.length} tests` : tests[0]}`
      : "✓ passes all tests";
}

export function Gates({ table }: { table: Table }) {
  const cells = useMemo(() => laid(table), [table]);
  const failing = methodsOf(table)
    .filter((name) => failed(table, name).length)
    .map((name) => `${nameOf(table, name)}: ${why(table, name)}`);
  return (
    <Frame
      caption={`Tests that a wrong map would fail, with 95 % intervals and controls: ✓ passed, ✗ failed. ${failing.length ? `Failing: ${failing.join(". ")}.` : "No method fails."} “edge” and “random” see no model.`}
      table={table}
    >
      <Grid cells={cells} label={`${table.info.title}: methods by tests.`} />
    </Frame>
  );
}

function laid(table: Table): Cells {
  const methods = table.distinct("method") as string[],
    metrics = table.distinct("metric") as string[];
  const wide = metrics.length,
    height = TOP + methods.length * HIGH;
  const row = (cell: number) =>
    table.rows({ method: methods[Math.floor(cell / wide)], metric: metrics[cell % wide] })[0];
  const mark = (at: number) =>
    ({ true: "✓ ", false: "✗ " })[String(table.cell(at, "passed"))] ?? "";
  const place = lattice(LEFT, TOP, WIDE, HIGH, wide, methods.length);
  const [low, high] = bounds(table, "value");
  const short = (at: number, name: string) => shown(Number(table.number(at, name).toPrecision(3)));
  return {
    width: LEFT + wide * WIDE,
    height,
    ...place,
    lines(cell) {
      const at = row(cell),
        head = `${nameOf(table, methods[Math.floor(cell / wide)])} · ${plain(metrics[cell % wide])}`;
      if (at === undefined) return [head, "not tested"];
      return [
        head,
        ...tested(table, at),
        ...(table.has("difference") && table.cell(at, "difference") !== null
          ? describe(table, at, "difference").slice(0, 2)
          : []),
        ...(table.has("better") ? [`${shown(table.cell(at, "better"))} is better`] : []),
        { true: "✓ passed", false: "✗ failed" }[String(table.cell(at, "passed"))] ??
          "nothing to pass",
      ];
    },
    draw(pen, from, until, by) {
      const middle = (c: number) => LEFT + c * WIDE + (WIDE - 3) / 2;
      pen.textAlign = "center";
      for (let cell = 0; cell < methods.length * wide; cell++) {
        const at = row(cell),
          s = place.spot(cell),
          [w, h] = [WIDE - 3, HIGH - 3];
        if (s.x > until || s.x + WIDE < from) continue;
        const passed = at === undefined ? null : table.cell(at, "passed");
        pen.fillStyle = passed === null ? by.none : colour(passed ? 0.06 : -0.06, 1, by);
        if (passed === null) {
          pen.strokeStyle = by.none;
          pen.strokeRect(s.x + 0.5, s.y + 0.5, w - 1, h - 1);
        } else pen.fillRect(s.x, s.y, w, h);
        if (at === undefined) continue;
        pen.fillStyle = by.ink;
        pen.font = "600 13px system-ui, sans-serif";
        pen.fillText(mark(at) + short(at, "value"), middle(cell % wide), s.y + 14);
        pen.font = "11px system-ui, sans-serif";
        if (low)
          pen.fillText(`[${short(at, low)}, ${short(at, high)}]`, middle(cell % wide), s.y + 31);
        pen.fillText(
          table.cell(at, "control") === null ? "no control" : `control ${short(at, "control")}`,
          middle(cell % wide),
          s.y + 47,
        );
      }
      pen.font = "12px system-ui, sans-serif";
      pen.fillStyle = by.soft;
      for (let c = 0; c < metrics.length; c++) pen.fillText(plain(metrics[c]), middle(c), TOP / 2);
      // the names stay in sight where the map is moved sideways
      pen.clearRect(from, 0, LEFT - 6, height);
      methods.forEach((name, r) => {
        const y = TOP + r * HIGH;
        pen.textAlign = "left";
        pen.fillStyle = by.ink;
        pen.fillText(nameOf(table, name).slice(0, 22), from, y + 22);
        pen.fillStyle = by.soft;
        pen.fillText(verdict(table, name), from, y + 38);
      });
    },
  };
}
