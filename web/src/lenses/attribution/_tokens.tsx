// One text, token by token: what its class's score loses without each, and the gradient at each.

import { limitOf } from "../../colour";
import type { Table } from "../../data";
import { useAudit } from "../../views/context";
import { Tokens, unpadded } from "../../views/Example";
import { Frame } from "../../views/Frame";
import { describe, shown } from "../../wording";
import type { ImageOf } from "../parts";

const LINES = [
  ["effect", "without the token"],
  ["gradient", "embedding × gradient"],
  ["control", "without it, randomly initialised"],
] as const;

export function Text({ table, example }: { table: Table; example: number }) {
  const every = table
    .rows({ example })
    .sort((a, b) => table.number(a, "place") - table.number(b, "place"));
  const words = unpadded(every.map((row) => shown(table.cell(row, "token")))),
    rows = every.slice(0, words.length);
  const name = (column: string) =>
    column === "control" && !table.has("control") ? "effect_control" : column;
  const lines = LINES.map(([column, head]) => [name(column), head] as const).filter(
    ([column]) => table.has(column) && rows.some((row) => table.cell(row, column) !== null),
  );
  return (
    <Frame
      caption="Each token's part in the score of the text's own class: orange where the class loses without it, blue where it gains, by taking it out and by the gradient at its embedding; each line on its own scale. Control: the same text in a randomly initialised network. One text, so no interval."
      table={table}
      rows={rows}
    >
      <dl class="lines">
        {lines.map(([column, head]) => {
          const values = Float32Array.from(rows, (row) => table.number(row, column));
          const limit = limitOf(values);
          return (
            <div key={column}>
              <dt>{head}</dt>
              <dd>
                <Tokens
                  words={words}
                  values={values}
                  limit={limit}
                  title={(place) =>
                    `${words[place]}: ${shown(table.number(rows[place], column), true)}; ${describe(table, rows[place], "effect").join(", ")}`
                  }
                />{" "}
                <small>full colour at ±{shown(Number(limit.toPrecision(3)))}</small>
              </dd>
            </div>
          );
        })}
      </dl>
    </Frame>
  );
}

export function TokensOf({ example }: ImageOf) {
  const table = useAudit().table("attribution.tokens");
  if (!table?.rows({ example }).length) return null;
  return (
    <>
      <h3>Which of its tokens decide</h3>
      <Text table={table} example={example} />
    </>
  );
}
