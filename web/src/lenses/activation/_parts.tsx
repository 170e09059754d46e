// What the lens adds to the cards.

import type { ComponentChild } from "preact";
import { type Audit, part, type Table } from "../../data";
import { to } from "../../route";
import { ByClass } from "../../views/ByClass";
import { useAudit } from "../../views/context";
import { DataTable } from "../../views/DataTable";
import { Measurement } from "../../views/Measurement";
import { Pixels } from "../../views/Pixels";
import { shown } from "../../wording";
import type { ImageOf, Parts, Relation, UnitOf } from "../parts";
import { hits } from "./_hits";
import { examplesOf, Heads } from "./attention";
import { Examples, emblem } from "./examples";
import { Channels as ChannelMaps } from "./maps";
import { Weights } from "./tuning";
import { Visualisation } from "./visualisations";

const SURE = 0.05;

const relations: Relation[] = [
  {
    term: "label",
    finding: "activation.concepts",
    value: "f1",
    first: "f1",
    most: 1,
    head: (table, row) => shown(table.cell(row, "concept")),
  },
  {
    term: "tuned to",
    finding: "activation.tuning",
    value: "tuning",
    first: "tuning",
    keep: (table, row) => table.number(row, "q") < SURE,
    head: (table, row) =>
      `${table.cell(row, "stimulus")}s of ${shown(table.cell(row, "orientation"))}° [${shown(table.cell(row, "lo"))}, ${shown(table.cell(row, "hi"))}]`,
  },
];

/** A finding, if it has rows of the unit. */
const having = (audit: Audit, finding: string, at: UnitOf): Table | undefined => {
  const table = audit.table(finding);
  return table?.rows({ ...at }).length ? table : undefined;
};

function Pictures({ site, unit }: UnitOf) {
  const audit = useAudit(),
    at = { site, unit };
  const responses = having(audit, "activation.units", at),
    examples = audit.images ? having(audit, "activation.examples", at) : undefined,
    made =
      audit.array("activation.visualisations") && having(audit, "activation.visualisations", at);
  const still = responses?.cell(responses.rows(at)[0], "dead") === true;
  return (
    <>
      {still && (
        <p>
          It holds one value for every example of both splits: none of the images below drives it.
        </p>
      )}
      {examples && (
        <>
          <h3>What it sees</h3>
          <Examples table={examples} site={site} unit={unit} />
        </>
      )}
      <div class="pair">
        {made && (
          <div>
            <h3>Feature visualisations</h3>
            <Visualisation table={made} site={site} unit={unit} />
          </div>
        )}
        <Weights
          audit={audit}
          site={site}
          unit={unit}
          head={<h3>Its weights (blue above 0, orange below)</h3>}
        />
      </div>
    </>
  );
}

function Numbers(at: UnitOf) {
  const table = having(useAudit(), "activation.units", at);
  return table ? (
    <ByClass head="How well it tells each class" table={table} at={{ ...at }} value="auroc" />
  ) : null;
}

/** How many units of each site prefer the class, and which of them tells it best. */
function preferring(audit: Audit, name: string): ComponentChild[] {
  const table = audit.table("activation.units");
  if (!table?.has("preferred_class", "auroc")) return [];
  const rows = table.rows({ class: name, preferred_class: name });
  return table.distinct("site").flatMap((site) => {
    const own = rows
      .filter((row) => table.cell(row, "site") === site)
      .sort((a, b) => table.number(b, "auroc") - table.number(a, "auroc"));
    return own.length
      ? [
          <>
            {own.length} units of {shown(site)} {table.cut ? "of which this page tells " : ""}prefer
            it (by their means on the selection split);{" "}
            <a href={to.unit(audit.siteIndex(site), table.number(own[0], "unit"))}>
              unit {shown(table.cell(own[0], "unit"))}
            </a>{" "}
            tells it best, the best of them on these examples:{" "}
            <Measurement table={table} row={own[0]} value="auroc" />
          </>,
        ]
      : [];
  });
}

/** Maps of channels and of attention over the image. */
function Over({ example }: ImageOf) {
  const audit = useAudit(),
    maps = audit.table("activation.maps"),
    heads = audit.table("activation.attention");
  return (
    <>
      {maps && maps.rows({ example }).length > 0 && (
        <>
          <h3>What channels make of it</h3>
          <ChannelMaps table={maps} example={example} />
        </>
      )}
      {heads && examplesOf(audit).includes(example) && (
        <>
          <h3>Where heads look</h3>
          <Heads table={heads} example={example} />
        </>
      )}
    </>
  );
}

function Seen({ example }: ImageOf) {
  const table = useAudit().table("activation.examples"),
    rows = table?.rows({ example }) ?? [];
  if (!rows.length) return null;
  return (
    <>
      <h3>Units that it was shown for</h3>
      <DataTable table={table!} rows={rows} />
    </>
  );
}

/** Each channel of an image that has other than one or three. */
function Channels({ example }: ImageOf) {
  const audit = useAudit(),
    channels = audit.array("activation.channels"),
    place = audit.array("activation.channel_ids")?.values.indexOf(example) ?? -1;
  if (!channels || place < 0) return null;
  return Array.from({ length: channels.shape[1] }, (_, c) => {
    const name = audit.inputs.features[c] ?? `channel ${c}`;
    return (
      <span class="change" key={name}>
        <Pixels
          values={part(channels, place, c)}
          width={channels.shape[3]}
          size={84}
          label={name}
        />
        <small>{name}</small>
      </span>
    );
  });
}

export default {
  units: "activation.units",
  emblem,
  unit: { pictures: Pictures, numbers: Numbers },
  relations,
  hits,
  classLines: (audit, name) => [["activation", preferring(audit, name)]],
  image: { strip: Channels, units: Over, seen: Seen },
} satisfies Parts;
