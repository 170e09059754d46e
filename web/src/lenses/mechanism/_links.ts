// Which units carry a class, or one image, and through which units of the layer before: chosen by ranks of the selection split.

import { type Audit, ranked, type Table } from "../../data";
import { parts, type Weighed } from "../parts";
import type { Edge } from "./layers";

export interface Link extends Edge {
  table: Table;
  row: number;
  value: string;
  /** How far it goes, in what the end that it leads to is measured in. */
  size: number;
}

/** What is drawn: all images of every class, of one class, or one image. */
export interface Drawn {
  classes: number[];
  example?: number;
}

/** Units of the last site in all; links from site to site in all, for a class alone; units of earlier sites that it needs by themselves. */
const [UNITS, LINKS, MORE] = [5, 8, 2];

/** What single units do to a class or an image, by site, the most needed first. */
function needed(audit: Audit, index: number, example?: number): Map<number, Weighed[]> {
  const of = example === undefined ? { index, name: audit.outline.classes[index] } : { example },
    found = new Map<number, Weighed[]>();
  for (const weighed of parts.flatMap((own) => own.needed?.(audit, of) ?? [])) {
    const site = audit.siteIndex(weighed.site);
    found.set(site, [...(found.get(site) ?? []), weighed]);
  }
  return found;
}

/** Sites with units that something is weighed of, in the order of the model; of a single one there are no links. */
export function sitesOf(audit: Audit, table: Table): number[] {
  const named = ["site_a", "site_b"].flatMap((name) => table.distinct(name)),
    found = named.map((site) => audit.siteIndex(site)),
    single = found.length
      ? []
      : audit.outline.classes.flatMap((_, c) => [...needed(audit, c).keys()]);
  return [...new Set([...found, ...single])].sort((a, b) => a - b);
}

/** The links of one class through these sites; classes are units of a site beyond all others. */
function ofClass(
  audit: Audit,
  table: Table,
  sites: number[],
  index: number,
  example: number | undefined,
  classes: number,
): Link[] {
  const units = needed(audit, index, example),
    beyond = audit.outline.sites.length;
  const links: Link[] = [];
  const toClass = (weighed: Weighed[]) => {
    for (const { table, row, value, site, unit } of weighed)
      links.push({
        from: [audit.siteIndex(site), unit],
        to: [beyond, index],
        table,
        row,
        value,
        size: Math.abs(table.number(row, value)),
      });
  };
  const between = ranked(table, audit.outline.classes[index]).map(
    (row): Link => ({
      from: [audit.siteIndex(table.cell(row, "site_a")), table.number(row, "unit_a")],
      to: [audit.siteIndex(table.cell(row, "site_b")), table.number(row, "unit_b")],
      table,
      row,
      value: "effect",
      size: Math.abs(table.number(row, "effect")) / (table.number(row, "spread") || 1),
    }),
  );
  const each = Math.max(1, Math.floor((2 * UNITS) / (classes + 1)));
  let after = new Set<number>();
  for (const [back, site] of [...sites].reverse().entries()) {
    const last = back === 0,
      one = example !== undefined;
    toClass((units.get(site) ?? []).slice(0, one || last ? each : classes > 1 ? 0 : MORE));
    const into = between.filter(
      ({ from, to }) =>
        from[0] === site && to[0] === sites[sites.length - back] && after.has(to[1]),
    );
    // of one image no link is measured by itself: those of its class, between its own units
    const own = new Set(links.filter((l) => l.from[0] === site).map((l) => l.from[1]));
    const kept = into
      .filter(({ from }) => !one || own.has(from[1]))
      .slice(0, classes > 1 ? 2 * each : LINKS);
    links.push(...kept);
    after = new Set([...own, ...kept.map(({ from }) => from[1])]);
  }
  return links;
}

export function linksOf(
  audit: Audit,
  table: Table,
  sites: number[],
  { classes, example }: Drawn,
): Link[] {
  const found = classes.flatMap((index) =>
    ofClass(audit, table, sites, index, example, classes.length),
  );
  // a link that several classes share is drawn once, where it goes furthest
  const once = new Map<string, Link>();
  for (const link of found) {
    const key = `${link.from} ${link.to}`,
      before = once.get(key);
    if (!before || before.size < link.size) once.set(key, link);
  }
  return [...once.values()];
}
