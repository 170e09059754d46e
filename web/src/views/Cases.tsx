// Images that are told of one by one: choose one, and see what a finding says of it.

import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import type { Table } from "../data";
import { to } from "../route";
import { shown } from "../wording";
import { useAudit } from "./context";
import { Pick } from "./Frame";
import { Picture } from "./Picture";

export function Cases({ table, of }: { table: Table; of: (example: number) => ComponentChild }) {
  const audit = useAudit(),
    { images } = audit,
    { example: one, examples: several } = audit.inputs;
  const kinds = table.distinct("kind") as string[];
  const [kind, setKind] = useState(kinds[0]);
  const first = new Map<number, number>();
  for (const row of table.rows({ kind }))
    if (!first.has(table.number(row, "example"))) first.set(table.number(row, "example"), row);
  const examples = [...first.keys()];
  const [at, setAt] = useState(examples[0]);
  const example = first.has(at) ? at : examples[0];
  const place = images?.examples.indexOf(example) ?? -1;
  const nameOf = (e: number) => {
    const [label, prediction] = ["label", "prediction"].map((name) =>
      shown(table.cell(first.get(e)!, name)),
    );
    return `${label}${label === prediction ? "" : ` predicted as ${prediction}`} (#${e})`;
  };
  return (
    <>
      <p class="picks">
        <Pick name={several} from={kinds} at={kind} set={setKind} />
        <Pick name={one} from={examples} at={example} set={setAt} word={nameOf} />
        {place >= 0 && (
          <>
            <Picture place={place} /> <a href={to.image(example)}>all about this {one}</a>
          </>
        )}
      </p>
      {of(example)}
    </>
  );
}
