// A map over an input: pixels where it is a picture, bars beside their names where it has features.

import type { Audit } from "../data";
import { shown } from "../wording";
import { useAudit } from "./context";
import { featureName, Named } from "./Example";
import { Overlay } from "./Overlay";
import { Pixels } from "./Pixels";

const MOST = 3;
const [WIDE, ROW] = [150, 14];

/** A map of a series with a row for each channel, whichever way the model reads it. */
function inRows(audit: Audit, { values, width }: { values: ArrayLike<number>; width: number }) {
  const [channels] = audit.exampleShape(),
    steps = values.length / channels;
  const turned = width === channels && steps !== channels;
  return {
    values: turned
      ? Array.from(values, (_, i) => values[(i % steps) * channels + Math.floor(i / steps)])
      : values,
    width: steps,
    size: WIDE,
    high: ROW * channels,
  };
}

export function InputMap(given: {
  values: ArrayLike<number>;
  width: number;
  label: string;
  limit: number;
  size?: number;
  /** Where the example stands on the page that it is laid over, if it is of one. */
  place?: number;
}) {
  const audit = useAudit(),
    { place = -1 } = given;
  if (audit.images?.sheet && place >= 0) return <Overlay {...given} place={place} />;
  if (audit.inputs.kind === "series") return <Pixels {...given} {...inRows(audit, given)} />;
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
