// A map over an input: pixels where it is a picture, bars beside their names where it has features.

import { shown } from "../wording";
import { useAudit } from "./context";
import { featureName, Named } from "./Example";
import { Pixels } from "./Pixels";

const MOST = 6;

export function InputMap(given: {
  values: ArrayLike<number>;
  width: number;
  label: string;
  limit: number;
  size?: number;
}) {
  const audit = useAudit();
  if (audit.inputs.kind !== "features") return <Pixels {...given} />;
  const { values, limit, label } = given;
  const order = Array.from(values, (_, i) => i).sort(
    (a, b) => Math.abs(values[b]) - Math.abs(values[a]),
  );
  return (
    <div title={label}>
      <Named
        rows={order.slice(0, MOST).map((i) => ({
          name: featureName(audit, i),
          value: values[i],
          words: shown(Number(values[i].toPrecision(2))),
        }))}
        limit={limit}
      />
    </div>
  );
}
