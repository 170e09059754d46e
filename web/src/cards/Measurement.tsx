// A number of a finding in a line: itself first, then its interval, n, control and tests.

import { describe, type Table } from "../data";

export function Measurement({
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
  const [first, ...rest] = describe(table, row, value).slice(0, lines);
  return (
    <>
      <b>{first}</b> <small>{rest.join(", ")}</small>
    </>
  );
}
