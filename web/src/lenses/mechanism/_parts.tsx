// What the lens adds to the cards and to the live page.

import type { ComponentChild } from "preact";
import type { Audit, Table } from "../../data";
import { useAudit } from "../../views/context";
import { measured } from "../../views/Measurement";
import type { ImageOf, Parts, Relation } from "../parts";
import { clusterOf } from "./_cluster";
import { circuits, clusters } from "./_sets";
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
        cluster {cell("cluster")} of {cell("site")} prefers it: {sentence()}
      </>
    )),
  ],
];

function ImagePath({ example }: ImageOf) {
  const table = useAudit().table("mechanism.paths");
  if (!table?.rows({ example }).length) return null;
  return (
    <>
      <h3>Its way through the network</h3>
      <Path table={table} example={example} />
    </>
  );
}

export default {
  unitLines: (audit, site, unit) => {
    const cluster = clusterOf(audit, site, unit);
    return cluster ? [["cluster", cluster]] : [];
  },
  relations,
  classLines,
  image: { path: ImagePath },
  sets: { cluster: clusters, circuit: circuits },
} satisfies Parts;
