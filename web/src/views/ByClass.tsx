// One number of a unit for every class.

import { useCallback } from "preact/hooks";
import type { Cell, Table } from "../data";
import { to } from "../route";
import { DotsView } from "./Curve";
import { useAudit } from "./context";

/** One number of the unit for every class. */
export function ByClass({
  head,
  table,
  at,
  value,
}: {
  head: string;
  table: Table;
  at: Record<string, Cell>;
  value: string;
}) {
  const { classes } = useAudit().outline;
  const links = useCallback(
    (row: number) => {
      const index = classes.indexOf(String(table.cell(row, "class")));
      return index < 0 ? "#/" : to.class(index);
    },
    [table],
  );
  return (
    <div>
      <h3>{head}</h3>
      <DotsView
        table={table}
        choice={{ kind: "dots", filters: [], rows: "class", across: "", values: [value] }}
        fixed={at}
        links={links}
      />
    </div>
  );
}
