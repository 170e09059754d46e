// Everything about one class: the units that it needs, and its rows in every finding.

import { useMemo } from "preact/hooks";
import { shown, told } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Curve } from "../views/Curve";
import { DataTable } from "../views/DataTable";
import { Picture } from "../views/Picture";

const TOP = 10;

export function ClassCard({ index }: { index: number }) {
  const audit = useAudit();
  const name = audit.outline.classes[index];
  const units = audit.table("ablation.units");
  const needed = useMemo(() => {
    const rows = units?.rows({ class: name }).filter((row) => units.cell(row, "effect") !== null) ?? [];
    return rows.sort((a, b) => units!.number(a, "effect") - units!.number(b, "effect")).slice(0, TOP);
  }, [units, name]);
  const seen = (audit.images?.labels ?? []).flatMap((label, place) => (label === index ? [place] : [])).slice(0, 12);
  const topk = audit.table("ablation.topk"), [whole] = topk?.rows({ class: name }) ?? [];
  const cases = audit.table("ablation.images");
  const kind = (place: number) => { const [row] = cases?.rows({ example: audit.images!.examples[place] }) ?? []; return row === undefined ? "" : shown(cases!.cell(row, "kind")); };
  if (name === undefined) return <p>There is no class {index}.</p>;
  const tables = [...audit.tables.values()].filter((t) => t.has("class") && t.rows({ class: name }).length);
  return (
    <section class="card">
      <h2>class {name}</h2>
      <p class="tools">
        {index > 0 && <a href={to.class(index - 1)} rel="prev">← previous</a>} {index + 1 < audit.outline.classes.length && <a href={to.class(index + 1)} rel="next">next →</a>}
      </p>
      {whole !== undefined && <p>Evaluation examples that the model is right on: {told(topk!, whole, "class_accuracy_before").slice(0, 3).join(", ")}.</p>}
      {seen.length > 0 && <div class="strip">{seen.map((place) => <span class="change" key={place}><Picture place={place} /><small>{kind(place)}</small></span>)}</div>}
      {needed.length > 0 && <>
        <h3>The units that it needs most</h3>
        <ol>{needed.map((row) => <li key={row}><a href={to.unit(audit.siteIndex(units!.cell(row, "site")), units!.number(row, "unit"))}>{shown(units!.cell(row, "site"))} unit {shown(units!.cell(row, "unit"))}</a>: {told(units!, row, "effect").join(", ")}</li>)}</ol>
      </>}
      {tables.some((t) => t.name === "ablation.topk") && <>
        <h3>Without growing sets of its units</h3>
        <Removal index={index} />
      </>}
      {tables.map((table) => (
        <details key={table.name}><summary>{table.name}: {table.rows({ class: name }).length} rows</summary><DataTable table={table} rows={table.rows({ class: name })} /></details>
      ))}
    </section>
  );
}

function Removal({ index }: { index: number }) {
  const audit = useAudit();
  const name = audit.outline.classes[index];
  const table = audit.table("ablation.topk")!;
  return <Curve key={name} table={table} choice={{ kind: "curve", filters: ["site", "ranking"], rows: "", across: "k", values: ["class_drop", "drop"] }} start={{ ranking: "effect" }} fixed={{ class: name }} />;
}
