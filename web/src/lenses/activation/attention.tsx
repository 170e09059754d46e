// On which patches each head looks, layer by layer, and all layers together.

import { useState } from "preact/hooks";
import { type Audit, part, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { DataTable } from "../../views/DataTable";
import { Frame, Pick } from "../../views/Frame";
import { Overlay } from "../../views/Overlay";
import { Picture } from "../../views/Picture";
import { describe, layer, shown } from "../../wording";
import type { View } from "..";

/** Examples with maps, by their places in the data. */
export const examplesOf = (audit: Audit): number[] => [
  ...(audit.array("activation.attention_cases")?.values ?? []),
];

export function Heads({ table, example }: { table: Table; example: number }) {
  const audit = useAudit();
  const [control, setControl] = useState(false);
  const maps = audit.array(`activation.attention${control ? "_control" : ""}`),
    at = examplesOf(audit).indexOf(example);
  if (!maps || at < 0) return <DataTable table={table} />;
  const [, , high, wide] = maps.shape,
    place = audit.images?.examples.indexOf(example) ?? -1;
  return (
    <Frame
      caption={`Share of the attention on each patch, ${table.cell(0, "query") === "mean" ? "the mean over all queries" : "from the class token"}; rollout: all layers multiplied out. Below a map: how far it is from even (n = ${shown(table.cell(0, "n"))}); interval and the randomly initialised control are in the tooltip.`}
      table={table}
    >
      <p class="picks">
        <label class="pick">
          <input type="checkbox" checked={control} onChange={() => setControl(!control)} /> randomly
          initialised control
        </label>
      </p>
      {table.distinct("site").map((site) => (
        <div class="wallrow" key={String(site)}>
          <span>{layer(site)}</span>
          <div class="strip">
            {table.rows({ site }).map((row) => {
              const values = part(maps, at, row),
                unit = table.cell(row, "unit");
              const map = (
                <Overlay
                  place={place}
                  values={values}
                  width={wide}
                  limit={Math.max(...values)}
                  label={`${unit === null ? "rollout" : `head ${shown(unit)}`}, ${describe(table, row, "focus").join(", ")}; map of ${high} × ${wide} patches${control ? " of the control" : ""}`}
                />
              );
              const words = (
                <small>
                  {unit === null ? "" : `${shown(unit)}: `}
                  {shown(Number(table.number(row, control ? "control" : "focus").toPrecision(2)))}
                </small>
              );
              return unit === null ? (
                <span class="change" key={row}>
                  {map}
                  {words}
                </span>
              ) : (
                <a class="change" key={row} href={to.unit(audit.siteIndex(site), Number(unit))}>
                  {map}
                  {words}
                </a>
              );
            })}
          </div>
        </div>
      ))}
    </Frame>
  );
}

const Attention: View = ({ table }) => {
  const audit = useAudit(),
    examples = examplesOf(audit);
  const [example, setExample] = useState(examples[0]);
  const place = audit.images?.examples.indexOf(example) ?? -1;
  const nameOf = (e: number) => {
    const own = audit.images?.examples.indexOf(e) ?? -1;
    return `${audit.outline.classes[audit.images?.labels[own] ?? -1] ?? "?"} (#${e})`;
  };
  return (
    <>
      <p class="picks">
        <Pick name="image" from={examples} at={example} set={setExample} word={nameOf} />
        {place >= 0 && <Picture place={place} />}
      </p>
      <Heads key={example} table={table} example={example} />
    </>
  );
};

export default Attention;
