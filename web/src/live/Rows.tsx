// All rows of a table that the page holds only a part of: filtered, sorted and paged by the server.

import { useEffect, useState } from "preact/hooks";
import type { Cell, Table } from "../data";
import { Pick } from "../views/Frame";
import { Scrolled } from "../views/Scrolled";
import { shown } from "../wording";
import { ask } from "./server";

const PAGE = 50;

interface Answer {
  rows: Cell[][];
  total: number;
}

export function Rows({ table }: { table: Table }) {
  const { columns } = table.info;
  const keys = columns.filter((c) => c.kind !== "float64").map((c) => c.name);
  const [column, setColumn] = useState(keys[0] ?? "");
  const [text, setText] = useState("");
  const [sort, setSort] = useState<{ name: string; down: boolean } | null>(null);
  const [offset, setOffset] = useState(0);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let gone = false; // an older answer mustn't take a newer one's place
    const kind = columns.find((c) => c.name === column)?.kind;
    const value = kind === "int64" ? Number(text) : text;
    const equal = text.trim() ? { [column]: value } : {};
    ask<Answer>("rows", {
      finding: table.name,
      equal,
      sort: sort?.name ?? null,
      descending: Boolean(sort?.down),
      offset,
      limit: PAGE,
    }).then(
      (answer) => {
        if (gone) return;
        setAnswer(answer);
        setTrouble("");
      },
      (e: Error) => {
        if (!gone) setTrouble(e.message);
      },
    );
    return () => {
      gone = true;
    };
  }, [table, column, text, sort, offset]);
  const first = (act: () => void) => () => {
    setOffset(0);
    act();
  };
  return (
    <div class="datatable">
      <p class="picks">
        <Pick
          name="rows whose"
          from={keys}
          at={column}
          set={(name) => first(() => setColumn(name))()}
        />
        <label class="pick">
          is <input value={text} onInput={(e) => first(() => setText(e.currentTarget.value))()} />
        </label>
        {answer && (
          <span>
            {answer.total
              ? `${offset + 1} to ${Math.min(offset + PAGE, answer.total)} of ${answer.total}`
              : "no such rows"}
          </span>
        )}
        <button
          type="button"
          disabled={!offset}
          onClick={() => setOffset(Math.max(0, offset - PAGE))}
        >
          previous rows
        </button>
        <button
          type="button"
          disabled={!answer || offset + PAGE >= answer.total}
          onClick={() => setOffset(offset + PAGE)}
        >
          next rows
        </button>
      </p>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      {answer && (
        <Scrolled label={`All of ${table.name}`}>
          <table>
            <thead>
              <tr>
                {columns.map((c) => (
                  <th
                    scope="col"
                    key={c.name}
                    title={c.meaning}
                    aria-sort={
                      sort?.name === c.name ? (sort.down ? "descending" : "ascending") : undefined
                    }
                  >
                    <button
                      type="button"
                      onClick={first(() =>
                        setSort({
                          name: c.name,
                          down: sort?.name === c.name ? !sort.down : c.kind !== "string",
                        }),
                      )}
                    >
                      {c.name}
                      {c.unit && <small> [{c.unit}]</small>}
                      {sort?.name === c.name ? (sort.down ? " ↓" : " ↑") : ""}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {answer.rows.map((row, i) => (
                <tr key={offset + i}>
                  {row.map((cell, j) => (
                    <td key={j} class={columns[j].kind === "string" ? "name" : ""}>
                      {shown(cell)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </div>
  );
}
