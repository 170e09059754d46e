// What each cluster of units responds to, and how far that can be believed.

import type { Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { describe, fixed, letter, shown } from "../../wording";
import type { View } from "..";

const MOST = 24;

const Clusters: View = ({ table }) => {
  const audit = useAudit();
  const clustered = table.column("cluster").findIndex((c) => c !== null);
  const [equal, picks] = useFilters(table, ["site"], {
    site: table.cell(Math.max(0, clustered), "site"),
  });
  const rows = table.rows(equal),
    first = rows[0];
  const profile = audit.array(`mechanism.profile.${table.distinct("site").indexOf(equal.site)}`);
  const of = (name: string) => shown(table.cell(first, name));
  const control = table.has("null_silhouette", "untrained_k")
    ? ` (shuffled values ${of("null_silhouette")}); ${table.number(first, "untrained_k") > 1 ? `a randomly initialised control has ${of("untrained_k")} clusters with ${of("untrained_silhouette")}` : "a randomly initialised control has none"}`
    : "";
  const numbers = [...new Set(rows.map((row) => table.cell(row, "cluster")))]
    .filter((c): c is number => c !== null)
    .sort((a, b) => a - b);
  return (
    <Frame
      caption={`Mean activation of each cluster on each class, in standard deviations of its units; blue above the mean, orange below, full colour at ±${profile ? fixed(Math.max(...profile.values.map(Math.abs)), 1) : "–"}. Specialisation: that on the preferred class, chosen on the selection split, beside random sets of as many units. Mean silhouette ${of("site_silhouette")}${control}; stability (adjusted Rand index over resamples) ${of("stability")}. n is in the tooltips and the table.`}
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      {numbers.length && profile ? (
        <Profiles table={table} site={String(equal.site)} numbers={numbers} profile={profile} />
      ) : (
        <p>No clusters at this site; the sentences above say why.</p>
      )}
    </Frame>
  );
};

function Profiles({
  table,
  site,
  numbers,
  profile,
}: {
  table: Table;
  site: string;
  numbers: number[];
  profile: { shape: number[]; values: Float32Array };
}) {
  const audit = useAudit();
  const [, count] = profile.shape;
  const classes = audit.outline.classes.slice(0, Math.min(count, MOST));
  const limit = Math.max(...profile.values.map(Math.abs));
  const special = table.has("specialisation", "lo", "hi", "random_specialisation");
  return (
    <div class="wide">
      <table class="confusion">
        <thead>
          <tr>
            <th scope="col">cluster</th>
            <th scope="col">units</th>
            <th scope="col">prefers</th>
            {special && <th scope="col">specialisation [95 %], random sets</th>}
            {classes.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {numbers.map((cluster) => {
            const own = table.rows({ site, cluster }),
              first = own[0];
            const cell = (name: string) => shown(table.cell(first, name));
            return (
              <tr key={cluster}>
                <th scope="row">{letter(cluster)}</th>
                <td>
                  <details>
                    <summary>{own.length}</summary>
                    {own.map((row) => (
                      <span key={row}>
                        <a href={to.unit(audit.siteIndex(site), table.number(row, "unit"))}>
                          {shown(table.cell(row, "unit"))}
                        </a>{" "}
                      </span>
                    ))}
                  </details>
                </td>
                <td class="name">{cell("preferred_class")}</td>
                {special && (
                  <td title={describe(table, first, "specialisation").join("\n")}>
                    {cell("specialisation")} [{cell("lo")}, {cell("hi")}],{" "}
                    {cell("random_specialisation")}
                    {table.has("q") && `, q ${cell("q")}`}
                  </td>
                )}
                {classes.map((_, c) => {
                  const value = profile.values[cluster * count + c];
                  return (
                    <td
                      key={c}
                      style={{
                        background: `color-mix(in srgb, ${value < 0 ? "#d55e00" : "#0072b2"} ${Math.round((50 * Math.abs(value)) / limit)}%, transparent)`,
                      }}
                    >
                      {fixed(value, 1)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
      {count > classes.length && (
        <p>
          The first {classes.length} of {count} classes.
        </p>
      )}
    </div>
  );
}

export default Clusters;
