// Attribution: methods and their gates, their maps, removal, and one class against another.

import { useAudit } from "../../views/context";
import type { View } from "..";
import { Contrasts } from "./contrasts";
import { Gates } from "./gates";
import { Maps } from "./maps";
import { Removal } from "./removal";

const Methods: View = ({ table }) => {
  const audit = useAudit(),
    curves = audit.array("attribution.curves");
  return (
    <>
      <Gates table={table} />
      <Maps table={table} />
      {curves && (
        <Removal table={table} curves={curves} bounds={audit.array("attribution.curve_bounds")} />
      )}
    </>
  );
};

export const attribution: Record<string, View> = {
  "attribution.methods": Methods,
  "attribution.contrasts": Contrasts,
};
