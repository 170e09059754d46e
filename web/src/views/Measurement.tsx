// A number of a finding in a line: itself first, then its interval, n, control and tests.

import type { ComponentChild } from "preact";
import type { Audit, Cell, Table } from "../data";
import { describe, shown } from "../wording";

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

export interface Measured {
  row: number;
  cell: (column: string) => string;
  number: (column: string) => number;
  /** A number of the row with its interval, n and control. */
  sentence: (column?: string, lines?: number) => ComponentChild;
}

/** The rows of a finding that are `equal`; none where it lacks one of the columns. */
export function measured(
  audit: Audit,
  finding: string,
  equal: Record<string, Cell>,
  value: string,
): Measured[] {
  const table = audit.table(finding);
  return table?.has(value, ...Object.keys(equal))
    ? table.rows(equal).map((row) => ({
        row,
        cell: (column: string) => shown(table.cell(row, column)),
        number: (column: string) => table.number(row, column),
        sentence: (column = value, lines?: number) => (
          <Measurement table={table} row={row} value={column} lines={lines} />
        ),
      }))
    : [];
}
