// Where in the input does erasing, or adding ink, change the decision?

import { useAudit } from "../../views/context";
import { Pixels } from "../../views/Pixels";
import { shown } from "../../wording";
import type { View } from "..";
import { heat } from "../make";
import { Classes, meanOf } from "./_classes";
import { EvidenceMap, kindsOf, WORDS } from "./_evidence";

const Named = heat({ filters: ["kind"], rows: "part", across: "class", values: ["effect"] });
const MEAN = "mean image";

/** Windows of a picture lie where they are in it; features and steps go by their names. */
const Evidence: View = ({ table }) => {
  const audit = useAudit();
  if (table.distinct("part").some((part) => part !== "")) return <Named table={table} />;
  const known = table.distinct("class").some((label) => meanOf(audit, label));
  return (
    <Classes
      table={table}
      caption="Change of the class's score where a window is erased or filled: orange where it costs the class, blue where it gains, each map on its own scale, laid over a typical image of the class. The control is a randomly initialised network."
      heads={[...(known ? [MEAN] : []), ...kindsOf(table)]}
      word={(kind) => WORDS[kind] ?? kind}
      cell={(label, kind) => {
        const mean = meanOf(audit, label);
        return kind !== MEAN ? (
          <EvidenceMap table={table} label={label} kind={kind} />
        ) : (
          mean && <Pixels {...mean} size={72} label={`mean image of class ${shown(label)}`} />
        );
      }}
    />
  );
};

export default Evidence;
