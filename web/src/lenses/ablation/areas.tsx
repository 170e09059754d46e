// How far whole curves lie from those of random orders; of what is kept, more than a random set is a gain.

import { choose } from "../../choose";
import { DataTable } from "../../views/DataTable";
import { Heat } from "../../views/Heat";
import type { View } from "..";

const Areas: View = ({ table }) => {
  const choice = choose(table);
  if (choice?.kind !== "heat") return <DataTable table={table} />;
  const worse = (row: number, value: string) =>
    (table.about(value).worse ?? 0) * (String(table.cell(row, "kind")).startsWith("keep") ? -1 : 1);
  return <Heat table={table} choice={choice} worse={worse} />;
};
export default Areas;
