// Any table: sorted by a click, only its visible rows in the page, copied or saved as a whole.

import { useContext, useMemo, useState } from "preact/hooks";
import type { Cell, Table } from "../data";
import { to } from "../route";
import { separated, shown } from "../wording";
import { RowsContext, useAudit } from "./context";
import { save } from "./Frame";
import { usePages } from "./Pages";
import { Scrolled } from "./Scrolled";

const HEIGHT = 28;
const WINDOW = 14;
/** On screens below this width so many columns at a time, the first always: none lies beyond the edge. */
const [NARROW, FEW] = [500, 3];

export function DataTable({ table, rows }: { table: Table; rows?: number[] }) {
  const audit = useAudit();
  const [by, setBy] = useState<{ name: string; down: boolean } | null>(null);
  const [top, setTop] = useState(0);
  const [status, setStatus] = useState("");
  const columns = table.info.columns;
  const narrow = innerWidth < NARROW && columns.length > FEW;
  const [some, turning] = usePages(columns.slice(1), narrow ? FEW - 1 : columns.length, "columns");
  const seen = [columns[0], ...some];
  const own = useMemo(
    () => rows ?? Array.from({ length: table.length }, (_, i) => i),
    [table, rows],
  );
  const order = useMemo(
    () => (by ? sorted(own, table.column(by.name), by.down) : own),
    [own, by, table],
  );
  const first = Math.max(0, Math.min(Math.floor(top / HEIGHT) - 4, order.length - WINDOW - 8));
  const visible = order.slice(first, first + WINDOW + 8);
  const text = (sep: "," | "\t") =>
    separated(
      columns.map((c) => c.name),
      order.map((row) =>
        columns.map(({ name, kind }) =>
          kind === "string" ? audit.key(table.cell(row, name)) : table.cell(row, name),
        ),
      ),
      sep,
    );
  const copy = () =>
    navigator.clipboard?.writeText(text("\t")).then(
      () => setStatus("copied"),
      () => setStatus("the browser refused"),
    );
  const Rows = useContext(RowsContext);
  const [all, setAll] = useState(false);
  const kept = `${table.length} of its ${table.info.total}, ${table.info.kept}; all are in tables/${table.name}.parquet`;
  return (
    <div class="datatable">
      <p class="tools">
        {counted(table, order.length)}
        {table.cut && ` (the page holds ${kept})`}{" "}
        {!all && (
          <>
            <button type="button" onClick={copy} title="numbers to four digits">
              copy
            </button>{" "}
            <button
              type="button"
              onClick={() => save(new Blob([text(",")], { type: "text/csv" }), `${table.name}.csv`)}
              title="numbers to four digits"
            >
              save CSV
            </button>{" "}
          </>
        )}
        {table.cut && Rows && (
          <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? "only these" : "all rows"}
          </button>
        )}
        <span role="status">{status}</span>
      </p>
      {narrow && !all && <p class="tools">{turning}</p>}
      {all && Rows ? (
        <Rows table={table} />
      ) : (
        <Scrolled label={`Table ${table.name}`} moved={(e) => setTop(e.currentTarget.scrollTop)}>
          <table aria-rowcount={order.length + 1}>
            <thead>
              <tr>
                {seen.map((c) => (
                  <th
                    scope="col"
                    key={c.name}
                    class={c.kind === "string" ? "name" : ""}
                    title={c.meaning}
                    aria-sort={
                      by?.name === c.name ? (by.down ? "descending" : "ascending") : undefined
                    }
                  >
                    <button
                      type="button"
                      onClick={() =>
                        setBy({
                          name: c.name,
                          down: by?.name === c.name ? !by.down : c.kind !== "string",
                        })
                      }
                    >
                      {c.name}
                      {c.unit && <small> [{c.unit}]</small>}
                      {by?.name === c.name ? (by.down ? " ↓" : " ↑") : ""}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <Unseen rows={first} columns={seen.length} />
              {visible.map((row, i) => (
                <tr key={row} aria-rowindex={first + i + 2}>
                  {seen.map((c) => (
                    <td key={c.name} class={c.kind === "string" ? "name" : ""}>
                      {linked(
                        audit.siteIndex(table.cell(row, "site")),
                        c.name,
                        table.cell(row, c.name),
                      )}
                    </td>
                  ))}
                </tr>
              ))}
              <Unseen rows={order.length - first - visible.length} columns={seen.length} />
            </tbody>
          </table>
        </Scrolled>
      )}
    </div>
  );
}

/** The room of rows that are scrolled away. */
const Unseen = ({ rows, columns }: { rows: number; columns: number }) =>
  rows > 0 ? (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * HEIGHT}px`, padding: "0" }} />
    </tr>
  ) : null;

/** How many rows these are; of a table that the page holds a part of, there may be more. */
export const counted = (table: Table, rows: number) =>
  `${rows} ${rows === 1 ? "row" : "rows"}${table.cut ? " on this page" : ""}`;

function linked(site: number, name: string, cell: Cell) {
  return name === "unit" && site >= 0 && cell !== null ? (
    <a href={to.unit(site, Number(cell))}>{shown(cell)}</a>
  ) : (
    shown(cell)
  );
}

/** Missing cells last, ties in their present order. */
export function sorted(rows: number[], cells: Cell[], down: boolean): number[] {
  const side = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [cells[a], cells[b]];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return x === y ? 0 : x < y ? -side : side;
  });
}
