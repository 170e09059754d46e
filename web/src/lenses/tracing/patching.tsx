// Through which sites does the decision for each class go: whole sites first, then single units.

import { useState } from "preact/hooks";
import type { Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { Heat } from "../../views/Heat";
import { describe, fixed, layer, shown } from "../../wording";
import type { View } from "..";

/** Classes that have room, and sites whose numbers do: of more the bars alone are drawn. */
const [MOST, FEW] = [24, 4];
const WAYS: Record<string, string> = {
  denoise: "sufficient (denoise)",
  noise: "necessary (noise)",
};

/** From here on everything passes a site: so it is by construction where no path leads around it. */
const ALL = 0.999;

/** Single units first where whole sites carry everything anyway, which is folded then. */
const Patching: View = ({ table }) => {
  const whole = table.rows({ unit: null, corrupt: "all" });
  const every = whole.every((row) => !(table.number(row, "recovery") < ALL));
  const units = (
    <Heat
      table={table}
      choice={{
        kind: "heat",
        filters: ["site", "direction", "corrupt"],
        rows: "clean",
        across: "unit",
        values: ["recovery"],
      }}
      start={{ corrupt: "all" }}
    />
  );
  if (!every || !whole.length)
    return (
      <>
        <FlowMap table={table} />
        {units}
      </>
    );
  return (
    <>
      {units}
      <details>
        <summary>whole sites carry the whole decision, since everything passes them</summary>
        <FlowMap table={table} />
      </details>
    </>
  );
};

/** Sites in the order of the model, joined by bands as thick as the share of the decision that passes. */
function FlowMap({ table }: { table: Table }) {
  const audit = useAudit();
  const ways = table.distinct("direction") as string[];
  const [way, setWay] = useState(ways[0]);
  const rows = table
    .rows({ unit: null, corrupt: "all", direction: way })
    .filter((row) => !table.has("position") || table.cell(row, "position") === null);
  const sites = [...new Set(rows.map((row) => table.cell(row, "site")))];
  const classes = [...new Set(rows.map((row) => table.cell(row, "clean")))].slice(0, MOST);
  if (!sites.length) return null;
  const at = new Map(
    rows.map((row) => [`${table.cell(row, "site")}\u0000${table.cell(row, "clean")}`, row]),
  );
  return (
    <Frame
      caption={`Share of the decision for a class (rows) that comes back with a site's clean value (sufficient), or is lost with its corrupt one (necessary); 1 everywhere: a bottleneck. In brackets the 95 % interval; n and the control are in the tooltips${table.distinct("clean").length > MOST ? `; the first ${MOST} classes` : ""}.`}
      table={table}
      rows={rows}
    >
      <p class="picks">
        <Pick
          name="whole sites are"
          from={ways}
          at={way}
          set={setWay}
          word={(name) => WAYS[name] ?? name}
        />
      </p>
      <div class="wide">
        <table class={sites.length > FEW ? "flow compact" : "flow"}>
          <thead>
            <tr>
              <th scope="col">class</th>
              {sites.map((site) => (
                <th scope="col" key={site} title={shown(site)}>
                  {sites.length > FEW ? layer(site).split(".").at(-1)!.slice(0, 4) : shown(site)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((name) => {
              const index = audit.outline.classes.indexOf(String(name));
              return (
                <tr key={name}>
                  <th scope="row">
                    {index < 0 ? shown(name) : <a href={to.class(index)}>{shown(name)}</a>}
                  </th>
                  {sites.map((site) => {
                    const row = at.get(`${site}\u0000${name}`);
                    if (row === undefined) return <td key={site}>–</td>;
                    const share = table.number(row, "recovery");
                    if (!Number.isFinite(share))
                      return (
                        <td key={site} title="no usable pair of images">
                          –
                        </td>
                      );
                    return (
                      <td key={site} title={describe(table, row, "recovery").join("\n")}>
                        {sites.length <= FEW && (
                          <>
                            {fixed(share, 2)}{" "}
                            <small>
                              [
                              {["lo", "hi"]
                                .map((end) => fixed(table.number(row, end), 2))
                                .join(", ")}
                              ]
                            </small>
                          </>
                        )}
                        <i
                          style={{
                            height: `${Math.round(14 * Math.max(0, Math.min(1, share)))}px`,
                            background: share < 0 ? "var(--warn)" : "var(--link)",
                          }}
                        />
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Frame>
  );
}

export default Patching;
