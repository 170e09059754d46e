// What each cluster of units responds to, and how far that can be believed.

import { type Table, typicalOf } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { useFilters } from "../../views/Heat";
import { Thumb } from "../../views/Picture";
import { describe, fixed, letter, shown } from "../../wording";
import type { View } from "..";
import { firstOf } from "../parts";

/** Classes, and units of a cluster, that have room. */
const [MOST, SEEN] = [24, 8];

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
      caption={`Pictures: the example that drives each of a cluster's units most, and a typical one of the class that it prefers. Cells: mean activation of the cluster on each class, in standard deviations of its units; blue above the mean, orange below, full colour at ±${profile ? fixed(Math.max(...profile.values.map(Math.abs)), 1) : "–"}. Specialisation: that on the preferred class, chosen on the selection split, beside random sets of as many units. Mean silhouette ${of("site_silhouette")}${control}; stability (adjusted Rand index over resamples) ${of("stability")}. n is in the tooltips and the table.`}
      table={table}
      rows={rows}
    >
      <p class="picks">{picks}</p>
      {numbers.length && profile ? (
        <Profiles table={table} site={String(equal.site)} numbers={numbers} profile={profile} />
      ) : (
        <p>No clusters hold at this site; the evidence below says why.</p>
      )}
    </Frame>
  );
};

/** Each cluster: the examples that drive its units most, the class that it prefers, and its means on all classes. */
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
  return (
    <>
      {numbers.map((cluster) => {
        const own = table.rows({ site, cluster }),
          first = own[0],
          name = table.cell(first, "preferred_class"),
          index = audit.outline.classes.indexOf(String(name));
        const seen = own
          .map((row) => ({ site, unit: table.number(row, "unit") }))
          .map((at) => ({ ...at, part: firstOf((lens) => lens.emblem?.(audit, at)) }))
          .filter(({ part }) => part)
          .slice(0, SEEN);
        const typical = typicalOf(audit, index);
        return (
          <div class="cluster" key={cluster}>
            <b>{letter(cluster)}</b>
            <span class="strip">
              {seen.map(({ unit, part }) => (
                <a class="face" key={unit} href={to.unit(audit.siteIndex(site), unit)}>
                  <Thumb {...part!} size={36} words={`unit ${unit}`} />
                </a>
              ))}
            </span>
            <span title={describe(table, first, "specialisation").join("\n")}>
              {own.length} units →{" "}
              {index >= 0 ? <a href={to.class(index)}>{shown(name)}</a> : shown(name)}
            </span>
            {typical >= 0 && (
              <span class="face">
                <Thumb place={typical} size={36} words={`a typical ${audit.inputs.example}`} />
              </span>
            )}
            <span class="profile">
              {classes.map((label, c) => {
                const value = profile.values[cluster * count + c];
                return (
                  <i
                    class="hue"
                    key={c}
                    title={`on class ${label} ${fixed(value, 1)} SD`}
                    style={{
                      background: `color-mix(in srgb, ${value < 0 ? "#d55e00" : "#0072b2"} ${Math.round((60 * Math.abs(value)) / limit)}%, transparent)`,
                    }}
                  >
                    {label.length > 3 ? label.slice(0, 2) : label}
                  </i>
                );
              })}
            </span>
          </div>
        );
      })}
      {count > classes.length && (
        <p>
          The first {classes.length} of {count} classes.
        </p>
      )}
    </>
  );
}

export default Clusters;
