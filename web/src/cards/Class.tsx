// Everything about one class: the units that it needs, and its rows in every finding.

import { useContext } from "preact/hooks";
import { type Audit, casesOf } from "../data";
import { fill, parts } from "../lenses/parts";
import { to } from "../route";
import { RowsContext, useAudit } from "../views/context";
import { counted, DataTable } from "../views/DataTable";
import { Picture } from "../views/Picture";
import { shown } from "../wording";

/** An example that isn't of the class, to steer towards it. */
function other(audit: Audit, index: number): number {
  const place = audit.images?.labels.findIndex((label) => label !== index) ?? -1;
  return audit.images?.examples[place] ?? 0;
}

export function ClassCard({ index }: { index: number }) {
  const audit = useAudit(),
    served = useContext(RowsContext);
  const name = audit.outline.classes[index];
  const seen = (audit.images?.labels ?? [])
    .flatMap((label, place) => (label === index ? [place] : []))
    .slice(0, 12);
  const cases = casesOf(audit)[0];
  const kind = (place: number) => {
    const [row] = cases?.rows({ example: audit.images!.examples[place] }) ?? [];
    return row === undefined ? "" : shown(cases!.cell(row, "kind"));
  };
  if (name === undefined)
    return (
      <p class="caveat">
        There is no class at place {index}: this model has 0 to {audit.outline.classes.length - 1},
        and search finds one by its name.
      </p>
    );
  const tables = [...audit.tables.values()].filter(
    (t) => t.has("class") && t.rows({ class: name }).length,
  );
  const at = { index, name };
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
        {served && <a href={to.steer(other(audit, index), index)}>steer one towards it</a>}
      </p>
      <div class="strip">
        {fill((own) => own.class?.strip, at)}
        {seen.map((place) => (
          <span class="change" key={place}>
            <Picture place={place} />
            <small>{kind(place)}</small>
          </span>
        ))}
      </div>
      {fill((own) => own.class?.pictures, at)}
      <Lenses name={name} />
      {fill((own) => own.class?.units, at)}
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

/** What each lens says of the class: each line where its finding has rows of the class, with interval, n and control. */
function Lenses({ name }: { name: string }) {
  const audit = useAudit();
  const lines = parts.flatMap((own) => own.classLines?.(audit, name) ?? []);
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
