// What the lens adds to the cards and to the live page.

import type { ComponentChild } from "preact";
import type { Audit, Cell, Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { measured } from "../../views/Measurement";
import { letter, shown } from "../../wording";
import type { ClassOf, Hit, ImageOf, Parts, Relation } from "../parts";
import { clusterOf } from "./_cluster";
import { circuits, clusters } from "./_sets";
import { Picked } from "./edges";
import { Path } from "./paths";

const chosen = (table: Table, row: number) =>
  table.cell(row, "kind") !== "random" && table.cell(row, "class") === "all";

const relations: Relation[] = [
  {
    term: "moves",
    finding: "mechanism.edges",
    value: "effect",
    ends: [["a", "b"]],
    first: "size",
    keep: chosen,
  },
  {
    term: "moved by",
    finding: "mechanism.edges",
    value: "effect",
    ends: [["b", "a"]],
    first: "size",
    keep: chosen,
  },
  {
    term: "varies with",
    finding: "mechanism.pairs",
    value: "r",
    ends: [
      ["a", "b"],
      ["b", "a"],
    ],
    first: "r_selection",
  },
];

/** The first of each kind. */
function once<T>(all: T[], kind: (one: T) => string): T[] {
  const kinds = all.map(kind);
  return all.filter((_, i) => kinds.indexOf(kinds[i]) === i);
}

const classLines = (audit: Audit, name: string): [string, ComponentChild[]][] => [
  [
    "mechanism",
    once(
      measured(audit, "mechanism.clusters", { preferred_class: name }, "specialisation"),
      ({ cell }) => `${cell("site")} ${cell("cluster")}`,
    ).map(({ cell, sentence }) => (
      <>
        cluster {letter(Number(cell("cluster")))} of {cell("site")} prefers it: {sentence()}
      </>
    )),
  ],
];

const lettered = (cluster: Cell) => letter(Number(cluster)).toLowerCase();

/** Clusters by their letter, or by their number in the tables: `cluster C`, `cluster 2`. */
function hits(audit: Audit, asked: string): Hit[] {
  const table = audit.table("mechanism.clusters"),
    name = /^clusters? +(\w+)$/.exec(asked)?.[1] ?? "";
  if (!table || !name) return [];
  const rows = Array.from({ length: table.length }, (_, row) => row).filter((row) => {
    const cluster = table.cell(row, "cluster");
    return cluster !== null && [String(cluster), lettered(cluster)].includes(name);
  });
  return once(rows, (row) => shown(table.cell(row, "site"))).map((row) => ({
    words: `cluster ${letter(table.number(row, "cluster"))} of ${shown(table.cell(row, "site"))}, prefers class ${shown(table.cell(row, "preferred_class"))}`,
    hash: to.lens("mechanism", table.name),
  }));
}

function ImagePath({ example }: ImageOf) {
  const audit = useAudit(),
    table = audit.table("mechanism.paths"),
    [row] = table?.rows({ example }) ?? [];
  if (!table || row === undefined) return null;
  const edges = audit.bare("mechanism.edges"),
    label = audit.outline.classes.indexOf(shown(table.cell(row, "label")));
  return (
    <>
      <h3>Its way through the network</h3>
      {edges && label >= 0 && <Picked table={edges} label={label} example={example} />}
      <Path table={table} example={example} />
    </>
  );
}

function ClassFlow({ index }: ClassOf) {
  const table = useAudit().bare("mechanism.edges");
  return table ? (
    <>
      <h3>What carries it, layer by layer</h3>
      <Picked key={index} table={table} label={index} />
    </>
  ) : null;
}

export default {
  unitLines: (audit, site, unit) => {
    const cluster = clusterOf(audit, site, unit);
    return cluster ? [["cluster", cluster]] : [];
  },
  group: (audit, site, unit) => {
    const table = audit.table("mechanism.clusters"),
      [row] = table?.rows({ site, unit }) ?? [];
    if (row === undefined || table!.number(row, "k") < 2) return "";
    if (table!.cell(row, "cluster") === null) return "in no group";
    return `group ${letter(table!.number(row, "cluster"))}, prefers ${shown(table!.cell(row, "preferred_class"))}`;
  },
  relations,
  hits,
  classLines,
  class: { pictures: ClassFlow },
  image: { path: ImagePath },
  sets: { cluster: clusters, circuit: circuits },
} satisfies Parts;
