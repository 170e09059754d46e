// Which units are removed, as an address that can be shared.

import type { Unit } from "./server";

/** `2:5.17~4:3` means units 5 and 17 of the site at place 2, and unit 3 of that at place 4. */
export function written(units: readonly Unit[], sites: readonly string[]): string {
  const groups = new Map<number, number[]>();
  for (const [site, unit] of units) {
    const place = sites.indexOf(site);
    groups.set(place, [...(groups.get(place) ?? []), unit]);
  }
  return [...groups]
    .map(([place, some]) => `${place}:${some.sort((a, b) => a - b).join(".")}`)
    .join("~");
}

/** The units that an address names, and the parts of it that name none. */
export function unitsIn(
  text: string,
  sites: readonly string[],
): { units: Unit[]; unread: string[] } {
  const [units, unread] = [[] as Unit[], [] as string[]];
  for (const group of text.split("~").filter(Boolean)) {
    const found = /^(\d+):(\d+(?:\.\d+)*)$/.exec(group);
    const site = found ? sites[Number(found[1])] : undefined;
    if (!found || site === undefined) unread.push(`“${group}”`);
    else units.push(...found[2].split(".").map((unit): Unit => [site, Number(unit)]));
  }
  return { units, unread };
}

export function toggled(units: readonly Unit[], unit: Unit): Unit[] {
  const rest = units.filter(([site, number]) => site !== unit[0] || number !== unit[1]);
  return rest.length < units.length ? rest : [...rest, unit];
}
