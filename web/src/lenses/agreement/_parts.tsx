// What the lens adds to the cards.

import { useAudit } from "../../views/context";
import type { Parts, UnitOf } from "../parts";
import { Verdict } from "./_verdict";

function UnitVerdict({ site, unit }: UnitOf) {
  const table = useAudit().table("agreement.units"),
    [row] = table?.rows({ site, unit }) ?? [];
  return row === undefined ? null : <Verdict table={table!} row={row} />;
}

export default { unit: { verdict: UnitVerdict } } satisfies Parts;
