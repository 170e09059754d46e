// A number of a finding in a line: itself first, then its interval, n, control and tests.

import { type Table, told } from "../data";

export function Said({
  table,
  row,
  value,
  lines,
}: {
  table: Table;
  row: number;
  value: string;
  lines?: number;
}) {
  const [first, ...rest] = told(table, row, value).slice(0, lines);
  return (
    <>
      <b>{first}</b> <small>{rest.join(", ")}</small>
    </>
  );
}
