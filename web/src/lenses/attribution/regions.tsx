// Which parts of its images does a class rest on?

import { part, type Table } from "../../data";
import { useAudit } from "../../views/context";
import { Overlay } from "../../views/Overlay";
import { describe, shown } from "../../wording";
import type { View } from "..";
import { heat } from "../make";
import { Classes, meanOf } from "./_classes";

const Named = heat({
  filters: [],
  rows: "region",
  across: "class",
  values: ["difference", "effect"],
});

/** A region of a class on its mean image, coloured by how far it counts beyond as much elsewhere. */
function Region({ table, row, limit }: { table: Table; row: number; limit: number }) {
  const audit = useAudit(),
    masks = audit.array("attribution.region_masks"),
    name = shown(table.cell(row, "place")),
    beyond = table.number(row, "difference");
  return (
    masks && (
      <figure class="region">
        <Overlay
          under={meanOf(audit, table.cell(row, "class"))}
          values={part(masks, row).map((inside) => inside * beyond)}
          width={masks.shape[2]}
          limit={limit}
          label={[name, ...describe(table, row, "difference")].join("\n")}
        />
        <figcaption>
          {name}: {shown(Number(beyond.toPrecision(2)), true)}
        </figcaption>
      </figure>
    )
  );
}

/** Regions of pictures lie where they are in them; features and steps go by their names. */
const Regions: View = ({ table }) =>
  useAudit().inputs.parts === "pixels" ? (
    <Classes
      table={table}
      caption="Regions of each class on its mean image, and how much more its score changes without one than without as much elsewhere on the same images: orange where the class rests on it, blue where it counts for less than what lies elsewhere, each class on its own scale."
      heads={table.distinct("region")}
      word={(region) => `region ${Number(region) + 1}`}
      cell={(label, region) => {
        const sizes = table
          .rows({ class: label })
          .map((row) => Math.abs(table.number(row, "difference")) || 0);
        return table
          .rows({ class: label, region })
          .map((row) => <Region key={row} table={table} row={row} limit={Math.max(...sizes)} />);
      }}
    />
  ) : (
    <Named table={table} />
  );

export default Regions;
