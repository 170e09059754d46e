// What the lens adds to the cards and to the live page.

import type { ComponentChild } from "preact";
import { useMemo } from "preact/hooks";
import { type Audit, ranked, type Table } from "../../data";
import { to } from "../../route";
import { ByClass } from "../../views/ByClass";
import { Curve } from "../../views/Curve";
import { useAudit } from "../../views/context";
import { Measurement, measured } from "../../views/Measurement";
import { shown } from "../../wording";
import type { ClassOf, ImageOf, Parts, Relation, UnitOf, Weighed } from "../parts";
import { Deciding } from "./images";

const SURE = 0.05,
  TOP = 10,
  MISTAKES = 4;

const chosen = (table: Table, row: number) =>
  table.cell(row, "kind") !== "random" && table.cell(row, "class") === "all";
const sure = (table: Table, row: number) => chosen(table, row) && table.number(row, "q") < SURE;
const stepsIn = (table: Table, row: number) =>
  table.cell(row, "backup") === true && table.cell(row, "kind") !== "random";

const relations: Relation[] = [
  {
    term: "Shapley",
    finding: "ablation.shapley",
    value: "shapley",
    first: "shapley",
    most: 1,
    head: (table, row) => `class ${shown(table.cell(row, "class"))}`,
  },
  {
    term: "interacts with",
    finding: "ablation.interactions",
    value: "interaction",
    ends: [
      ["a", "b"],
      ["b", "a"],
    ],
    first: "interaction",
    keep: sure,
    head: (table, row) => shown(table.cell(row, "verdict")),
  },
  {
    term: "backed up by",
    finding: "ablation.backup",
    value: "growth",
    ends: [["", "backup"]],
    first: "growth",
    keep: stepsIn,
  },
  {
    term: "steps in for",
    finding: "ablation.backup",
    value: "growth",
    ends: [["backup", ""]],
    first: "growth",
    keep: stepsIn,
  },
];

function Numbers({ site, unit }: UnitOf) {
  const audit = useAudit(),
    table = audit.table("ablation.units");
  return table?.rows({ site, unit }).length ? (
    <ByClass
      head={`Change of each class's ${audit.outline.score} without it`}
      table={table}
      at={{ site, unit }}
      value="effect"
    />
  ) : null;
}

/** Whether the class needs a unit to fire, or to stay silent; nothing where the table doesn't say. */
function how(units: Table, row: number): string {
  const above = units.has("above") ? units.number(row, "above") : NaN;
  return above > 0 ? ", firing" : above < 0 ? ", silent" : "";
}

/** How many of a set's units fire on the class. */
function needs(topk: Table, row: number): string {
  return topk.has("firing")
    ? ` (${topk.number(row, "firing")} firing on it, ${topk.number(row, "k") - topk.number(row, "firing")} silent)`
    : "";
}

function Needed({ name }: ClassOf) {
  const audit = useAudit();
  const units = audit.table("ablation.units"),
    topk = audit.table("ablation.topk");
  const needed = useMemo(() => (units ? ranked(units, name).slice(0, TOP) : []), [units, name]);
  return (
    <>
      {needed.length > 0 && (
        <>
          <h3>The units that it needs most, as the selection split says</h3>
          <ol>
            {needed.map((row) => (
              <li key={row}>
                <a
                  href={to.unit(
                    audit.siteIndex(units!.cell(row, "site")),
                    units!.number(row, "unit"),
                  )}
                >
                  unit {shown(units!.cell(row, "unit"))} of {shown(units!.cell(row, "site"))}
                </a>
                {how(units!, row)}: <Measurement table={units!} row={row} value="effect" />
              </li>
            ))}
          </ol>
        </>
      )}
      {topk && topk.rows({ class: name }).length > 0 && (
        <>
          <h3>Without growing sets of its units</h3>
          <Removal name={name} />
        </>
      )}
    </>
  );
}

function Removal({ name }: { name: string }) {
  const audit = useAudit();
  const table = audit.table("ablation.topk")!;
  return (
    <Curve
      key={name}
      table={table}
      choice={{
        kind: "curve",
        filters: ["site", "ranking"],
        rows: "",
        across: "k",
        values: ["class_drop", "drop"],
      }}
      start={{ ranking: "effect" }}
      fixed={{ class: name }}
    />
  );
}

function classLines(audit: Audit, name: string): [string, ComponentChild[]][] {
  // the site where the selection split says that the class loses most comes first
  const removed = (topk: Table) =>
    ranked(topk, name).map((row) => (
      <>
        without its top {shown(topk.cell(row, "k"))} units of {shown(topk.cell(row, "site"))}
        {needs(topk, row)}: <Measurement table={topk} row={row} value="class_drop" />
      </>
    ));
  const topk = audit.table("ablation.topk");
  // the class itself and what it is most often confused with, either way
  const mistaken = (own: string, other: string) =>
    measured(audit, "ablation.confusion", { [own]: name }, "share")
      .filter(
        ({ number, cell }) => number("count") > 0 && (own === "class" || cell("class") !== name),
      )
      .sort((a, b) => b.number("share") - a.number("share"))
      .slice(0, MISTAKES)
      .map(({ cell, sentence }) => (
        <>
          {cell(other)}: {sentence()}
        </>
      ));
  const lines: [string, ComponentChild[]][] = [
    [
      "accuracy",
      audit.table("ablation.confusion")
        ? []
        : measured(audit, "ablation.topk", { class: name }, "class_accuracy_before")
            .slice(0, 1)
            .map(({ sentence }) => sentence(undefined, 3)),
    ],
    ["predicted as", mistaken("class", "prediction")],
    ["predicted as it", mistaken("prediction", "class")],
    ["ablation", topk ? removed(topk) : []],
  ];
  return lines;
}

function ImageUnits({ example }: ImageOf) {
  const table = useAudit().table("ablation.images");
  if (!table?.rows({ example }).length) return null;
  return (
    <>
      <h3>Units that decided it</h3>
      <Deciding table={table} example={example} />
    </>
  );
}

/** What removing single units does to a class, or to one image. */
function needed(audit: Audit, of: ClassOf | ImageOf): Weighed[] {
  const name = "example" in of ? "ablation.images" : "ablation.units",
    table = audit.table(name);
  if (!table) return [];
  const rows =
    "example" in of
      ? table
          .rows({ example: of.example })
          .sort((a, b) => table.number(a, "rank") - table.number(b, "rank"))
      : ranked(table, of.name);
  return rows.map((row) => ({
    table,
    row,
    value: "effect",
    site: String(table.cell(row, "site")),
    unit: table.number(row, "unit"),
  }));
}

export default {
  needed,
  map: "ablation.units",
  units: "ablation.units",
  unit: { numbers: Numbers },
  relations,
  class: { units: Needed },
  classLines,
  image: { units: ImageUnits },
} satisfies Parts;
