// Methods of attribution: their gates, their maps, and what removing pixels in their order costs.

import { useAudit } from "../../views/context";
import type { View } from "..";
import { Gates } from "./_gates";
import { Maps } from "./_maps";
import { Removal } from "./_removal";

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

export default Methods;
