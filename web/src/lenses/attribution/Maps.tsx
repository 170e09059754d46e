// Which pixels decided one image: a map by each method, failing methods named.

import { shown } from "../../data";
import { limitOf } from "../../colour";
import { useAudit } from "../../views/context";
import { Pixels } from "../../views/Pixels";

export function Maps({ example }: { example: number }) {
  const audit = useAudit();
  const table = audit.table("attribution.methods"), ids = audit.array("attribution.example_ids"), maps = audit.array("attribution.example_maps");
  const place = ids?.values.indexOf(example) ?? -1;
  if (!table || !maps || place < 0) return null;
  const [, count, height, width] = maps.shape;
  return (
    <>
      {table.distinct("method").slice(0, maps.shape[0]).map((method, m) => {
        const at = (m * count + place) * height * width, values = maps.values.subarray(at, at + height * width);
        const failed = table.rows({ method }).filter((row) => table.cell(row, "passed") === false).map((row) => shown(table.cell(row, "metric")));
        return (
          <figure class="map" key={method}>
            <Pixels values={values} width={width} limit={limitOf(values)} size={128} label={`Map by ${shown(method)}`} />
            <figcaption>{shown(method).replaceAll("_", " ")}{method === "edge" && " filter: a control that sees no model"}{failed.length > 0 && <><br />fails: {failed.join(", ").replaceAll("_", " ")}</>}</figcaption>
          </figure>
        );
      })}
    </>
  );
}
