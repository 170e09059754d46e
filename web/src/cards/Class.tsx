// Everything about one class: the units that it needs, and its rows in every finding.

import type { ComponentChild } from "preact";
import { useMemo } from "preact/hooks";
import { type Audit, type Cell, part, ranked, shown, type Table } from "../data";
import { ClassMaps } from "../lenses/attribution/_maps";
import { to } from "../route";
import { Curve } from "../views/Curve";
import { useAudit } from "../views/context";
import { counted, DataTable } from "../views/DataTable";
import { Picture } from "../views/Picture";
import { Pixels } from "../views/Pixels";
import { Measurement } from "./Measurement";

const TOP = 10,
  MISTAKES = 4;

export function ClassCard({ index }: { index: number }) {
  const audit = useAudit();
  const name = audit.outline.classes[index];
  const units = audit.table("ablation.units");
  const needed = useMemo(() => (units ? ranked(units, name).slice(0, TOP) : []), [units, name]);
  const seen = (audit.images?.labels ?? [])
    .flatMap((label, place) => (label === index ? [place] : []))
    .slice(0, 12);
  const cases = audit.table("ablation.images");
  const kind = (place: number) => {
    const [row] = cases?.rows({ example: audit.images!.examples[place] }) ?? [];
    return row === undefined ? "" : shown(cases!.cell(row, "kind"));
  };
  if (name === undefined) return <p>There is no class {index}.</p>;
  const tables = [...audit.tables.values()].filter(
    (t) => t.has("class") && t.rows({ class: name }).length,
  );
  return (
    <section class="card">
      <h2>class {name}</h2>
      <p class="tools">
        {index > 0 && (
          <a href={to.class(index - 1)} rel="prev">
            ← previous
          </a>
        )}{" "}
        {index + 1 < audit.outline.classes.length && (
          <a href={to.class(index + 1)} rel="next">
            next →
          </a>
        )}
      </p>
      <div class="strip">
        <Mean index={index} name={name} />
        {seen.map((place) => (
          <span class="change" key={place}>
            <Picture place={place} />
            <small>{kind(place)}</small>
          </span>
        ))}
      </div>
      <Lenses name={name} />
      {audit.array("attribution.class_maps") && (
        <>
          <h3>Which pixels decide, on average over its images</h3>
          <div class="strip">
            <ClassMaps index={index} name={name} />
          </div>
        </>
      )}
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
      {tables.some((t) => t.name === "ablation.topk") && (
        <>
          <h3>Without growing sets of its units</h3>
          <Removal index={index} />
        </>
      )}
      {tables.map((table) => (
        <details key={table.name}>
          <summary>
            {table.name}: {counted(table, table.rows({ class: name }).length)}
          </summary>
          <DataTable table={table} rows={table.rows({ class: name })} />
        </details>
      ))}
    </section>
  );
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

/** The mean image of the class. */
function Mean({ index, name }: { index: number; name: string }) {
  const images = useAudit().array("attribution.class_images");
  if (!images) return null;
  const [, , width, planes] = images.shape;
  return (
    <span class="change">
      <Pixels
        values={part(images, index)}
        width={width}
        planes={planes}
        size={44}
        label={`mean of the selection split's images of class ${name}`}
      />
      <small>their mean</small>
    </span>
  );
}

/** What each lens says of the class: each line where its finding has rows of the class, with interval, n and control. */
function Lenses({ name }: { name: string }) {
  const audit = useAudit();
  const rows = (finding: string, equal: Record<string, Cell>, value: string) => {
    const table = audit.table(finding);
    return table?.has(value, ...Object.keys(equal))
      ? table.rows(equal).map((row) => ({
          row,
          cell: (column: string) => shown(table.cell(row, column)),
          number: (column: string) => table.number(row, column),
          sentence: (column = value, lines?: number) => (
            <Measurement table={table} row={row} value={column} lines={lines} />
          ),
        }))
      : [];
  };
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
    rows("ablation.confusion", { [own]: name }, "share")
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
        : rows("ablation.topk", { class: name }, "class_accuracy_before")
            .slice(0, 1)
            .map(({ sentence }) => sentence(undefined, 3)),
    ],
    ["predicted as", mistaken("class", "prediction")],
    ["predicted as it", mistaken("prediction", "class")],
    ["ablation", topk ? removed(topk) : []],
    ["activation", preferring(audit, name)],
    [
      "attribution",
      rows("attribution.contrasts", { class: name }, "change").map(({ cell, sentence }) => (
        <>
          rather than {cell("rival")} (taken for each other on {cell("confused")} selection
          examples), without the top pixels: {sentence()}
        </>
      )),
    ],
    [
      "mechanism",
      once(
        rows("mechanism.clusters", { preferred_class: name }, "specialisation"),
        ({ cell }) => `${cell("site")} ${cell("cluster")}`,
      ).map(({ cell, sentence }) => (
        <>
          cluster {cell("cluster")} of {cell("site")} prefers it: {sentence()}
        </>
      )),
    ],
    [
      "tracing",
      rows("tracing.directions", { class: name, method: "class_mean_difference" }, "auroc").map(
        ({ cell, sentence }) => (
          <>
            its direction at {cell("site")}: {sentence()}; steered by one standard deviation:{" "}
            {sentence("steer_slope")}
          </>
        ),
      ),
    ],
  ];
  return (
    <dl class="lines">
      {lines.map(([term, texts]) =>
        texts.map((words, i) => (
          <div key={`${term}${i}`}>
            <dt>{i ? "" : term}</dt>
            <dd>{words}</dd>
          </div>
        )),
      )}
    </dl>
  );
}

/** The first of each kind. */
function once<T>(all: T[], kind: (one: T) => string): T[] {
  const kinds = all.map(kind);
  return all.filter((_, i) => kinds.indexOf(kinds[i]) === i);
}

/** How many units of each site prefer the class, and which of them tells it best. */
function preferring(audit: Audit, name: string): ComponentChild[] {
  const table = audit.table("activation.units");
  if (!table?.has("preferred_class", "auroc")) return [];
  const rows = table.rows({ class: name, preferred_class: name });
  return table.distinct("site").flatMap((site) => {
    const own = rows
      .filter((row) => table.cell(row, "site") === site)
      .sort((a, b) => table.number(b, "auroc") - table.number(a, "auroc"));
    return own.length
      ? [
          <>
            {own.length} units of {shown(site)} {table.cut ? "of which this page tells " : ""}prefer
            it (by their means on the selection split);{" "}
            <a href={to.unit(audit.siteIndex(site), table.number(own[0], "unit"))}>
              unit {shown(table.cell(own[0], "unit"))}
            </a>{" "}
            tells it best, the best of them on these examples:{" "}
            <Measurement table={table} row={own[0]} value="auroc" />
          </>,
        ]
      : [];
  });
}

function Removal({ index }: { index: number }) {
  const audit = useAudit();
  const name = audit.outline.classes[index];
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
