// What each lens says of a unit, and what follows from all of them.

import type { ComponentChild } from "preact";
import type { Audit, Cell, Table } from "../../data";
import { useAudit } from "../../views/context";
import { Measurement } from "../../views/Measurement";
import { more, shown } from "../../wording";
import { clusterOf } from "../mechanism/_cluster";
import { inWords } from "./units";

/** Why no other unit of its cluster can be asked. */
const without = (audit: Audit, site: string, unit: number) => {
  const words = clusterOf(audit, site, unit);
  return /^\d/.test(words) ? "it is alone in its cluster" : words || "not in this audit";
};

/** What each lens says of the unit, with intervals, controls and the bounds that the verdict rests on; each line with the columns that it needs. */
export function Verdict({ table, row }: { table: Table; row: number }) {
  const audit = useAudit();
  const cell = (name: string) => table.cell(row, name),
    at = { site: cell("site"), unit: cell("unit") };
  const found = (finding: string, value: string, more: Record<string, Cell>) => {
    const own = audit.table(finding),
      [first] = own?.rows({ ...at, ...more }) ?? [];
    if (first === undefined && own?.cut)
      return `left out of this page, which holds the rows ${own.info.kept}`;
    return first === undefined || !own!.has(value) ? (
      "not in this audit"
    ) : (
      <Measurement table={own!} row={first} value={value} />
    );
  };
  const preferred = cell("preferred_class"),
    favourite = shown(preferred);
  // the class whose decision the unit carries most of, on these examples
  const patched = audit.table("tracing.patching"),
    share = (row: number) => Math.abs(patched!.number(row, "recovery"));
  const carried =
    patched
      ?.rows({ ...at, corrupt: "all", direction: "noise" })
      .filter(
        (row) => patched.cell(row, "clean") !== "all" && patched.cell(row, "recovery") !== null,
      )
      .sort((a, b) => share(b) - share(a)) ?? [];
  const lines: [string, ComponentChild, ...string[]][] = [
    [
      "prefers",
      `class ${favourite}: its mean is largest there on the selection split`,
      "preferred_class",
    ],
    [
      "activation",
      <>
        {found("activation.units", "auroc", { class: preferred })}; selective{" "}
        {cell("selective_by") === "d′" ? (
          <>
            by d′: {shown(cell("d_prime"))} against {shown(cell("d_prime_bound"))}, as randomly
            initialised units reach an AUROC of {shown(cell("selective_bound"))} too
          </>
        ) : (
          <>above {shown(cell("selective_bound"))}</>
        )}
        , which 95 % of the site's units stay below in randomly initialised controls and with
        shuffled labels
      </>,
      "preferred_class",
      "selective_bound",
    ],
    [
      "ablation",
      <>
        class {favourite} without it: {found("ablation.units", "effect", { class: preferred })}
      </>,
      "preferred_class",
    ],
    [
      "tracing",
      <>
        {carried.length ? (
          <>
            class {shown(patched!.cell(carried[0], "clean"))} with another class's value, the
            largest of {carried.length} classes{patched!.cut && " on this page"}:{" "}
            <Measurement table={patched!} row={carried[0]} value="recovery" />
          </>
        ) : patched?.cut ? (
          "left out of this page"
        ) : (
          "not in this audit"
        )}
        ; causal beyond ±{shown(cell("causal_bound"))} at q &lt; 0.05, or where an accuracy changes
      </>,
      "causal_bound",
    ],
    [
      "needed",
      cell("causal_class") !== null &&
        [`by class ${shown(cell("causal_class"))}`, ...more(table, row, "causal_class")].join("; "),
      "causal_class",
    ],
    [
      "cause",
      <>
        class {shown(cell("cause_class"))}:{" "}
        <Measurement table={table} row={row} value="causal_share" />
        {"; accuracy: "}
        <Measurement table={table} row={row} value="accuracy_drop" />
      </>,
      "cause_class",
      "causal_share",
      "accuracy_drop",
    ],
    [
      "settled by",
      cell("settling_images") !== null &&
        cell("plays") === "not settled" &&
        `${shown(cell("settling_images"))} examples of class ${shown(cell("cause_class"))} in place of ${shown(cell("causal_images"))}, with a chance of 80 %`,
      "settling_images",
      "plays",
      "causal_images",
    ],
    [
      "partner",
      cell("partner") !== null && (
        <>
          unit {shown(cell("partner"))} stands in for it, class {shown(cell("partner_class"))}:{" "}
          <Measurement table={table} row={row} value="redundancy" />
        </>
      ),
      "partner",
      "redundancy",
    ],
    [
      "attribution",
      `first-order estimate of that change of class ${favourite}: ${shown(-table.number(row, "attribution"), true)} ${table.about("attribution").unit}`,
      "preferred_class",
      "attribution",
    ],
    [
      "mechanism",
      cell("mechanism") === null
        ? `no number: ${without(audit, shown(cell("site")), table.number(row, "unit"))}`
        : `mean AUROC for class ${favourite} of the other units of its cluster: ${shown(cell("mechanism"))}`,
      "preferred_class",
      "mechanism",
    ],
  ];
  return (
    <dl class="lines">
      <div>
        <dt>verdict</dt>
        <dd>{inWords(table, row)}</dd>
      </div>
      {cell("verdict") !== "dead" &&
        lines
          .filter(([, words, ...needed]) => words && table.has(...needed))
          .map(([name, words]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{words}</dd>
            </div>
          ))}
    </dl>
  );
}
