// What the lens adds to the cards.

import { useAudit } from "../../views/context";
import type { Parts, UnitOf } from "../parts";
import { Verdict } from "./_verdict";
import { colourOf, inWords, kindOf } from "./units";

function UnitVerdict({ site, unit }: UnitOf) {
  const table = useAudit().table("agreement.units"),
    [row] = table?.rows({ site, unit }) ?? [];
  return row === undefined ? null : <Verdict table={table!} row={row} />;
}

export default {
  unit: { verdict: UnitVerdict },
  judged: (audit, site, unit) => {
    const table = audit.table("agreement.units"),
      [row] = table?.rows({ site, unit }) ?? [];
    if (row === undefined) return null;
    const word = kindOf(table!, row);
    return { word, says: inWords(table!, row), colour: colourOf(word) };
  },
} satisfies Parts;
