// Units of which one lens alone would have misled: each with the examples that drive it, and a sentence.

import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { shown } from "../../wording";
import type { View } from "..";
import { tileOf, Unit } from "../activation/_wall";

const MOST = 10;

const Misled: View = ({ table }) => {
  const audit = useAudit(),
    examples = audit.table("activation.examples");
  const rows = table.rows({}).slice(0, MOST);
  return (
    <Frame
      caption="The units whose two ranks lie furthest apart, each with the examples that drive it most."
      table={table}
      rows={table.rows({})}
    >
      <ul class="cases">
        {rows.map((row) => {
          const site = shown(table.cell(row, "site")),
            unit = table.number(row, "unit");
          return (
            <li key={row}>
              {audit.images?.sheet && examples ? (
                <Unit site={site} {...tileOf(audit, examples, site, unit)} />
              ) : (
                <a href={to.unit(audit.siteIndex(site), unit)}>{unit}</a>
              )}
              <span>{shown(table.cell(row, "in_words"))}</span>
            </li>
          );
        })}
      </ul>
    </Frame>
  );
};

export default Misled;
