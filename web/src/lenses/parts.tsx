// What a lens adds to the cards of units, classes and images and to the live page, by its place: `<lens>/_parts.tsx`.

import type { ComponentChild, FunctionComponent } from "preact";
import type { Audit, Table } from "../data";
import type { Unit } from "../live/server";
import type { Part } from "../views/Picture";

export interface UnitOf {
  site: string;
  unit: number;
}
export interface ClassOf {
  index: number;
  name: string;
}
export interface ImageOf {
  example: number;
}

/** Rows of a finding that tell of a unit, a line each. */
export interface Relation {
  term: string;
  finding: string;
  value: string;
  /** The ends of a row that the unit may be, each with the end that the other unit is. */
  ends?: string[][];
  /** The column whose largest sizes come first. */
  first: string;
  most?: number;
  keep?: (table: Table, row: number) => boolean;
  head?: (table: Table, row: number) => string;
}

/** Something found by a search, and where it leads. */
export interface Hit {
  words: string;
  hash: string;
}

/** A verdict on a unit: of which kind, in words, and the colour that stands for its kind. */
export interface Judged {
  word: string;
  says: string;
  colour: string;
}

/** A number of a unit, as a row of a table tells it. */
export interface Weighed extends UnitOf {
  table: Table;
  row: number;
  value: string;
}

export interface NamedSet {
  name: string;
  units: Unit[];
}

export interface Parts {
  /** The finding that the map of the network draws: an effect of every unit on every class. */
  map?: string;
  /** A finding with rows of every unit. */
  units?: string;
  unit?: {
    verdict?: FunctionComponent<UnitOf>;
    pictures?: FunctionComponent<UnitOf>;
    numbers?: FunctionComponent<UnitOf>;
  };
  /** The example that stands for a unit. */
  emblem?: (audit: Audit, at: UnitOf) => Part | undefined;
  /** What single units do to a class, or to one image: at each site the most needed first. */
  needed?: (audit: Audit, of: ClassOf | ImageOf) => Weighed[];
  /** The group of units that a unit is in; empty for none. */
  group?: (audit: Audit, site: string, unit: number) => string;
  /** What the lens makes of a unit, in a word. */
  judged?: (audit: Audit, site: string, unit: number) => Judged | null;
  unitLines?: (audit: Audit, site: string, unit: number) => [string, ComponentChild][];
  relations?: Relation[];
  /** What a search for these words, in small letters, finds of the lens. */
  hits?: (audit: Audit, asked: string) => Hit[];
  class?: {
    strip?: FunctionComponent<ClassOf>;
    pictures?: FunctionComponent<ClassOf>;
    units?: FunctionComponent<ClassOf>;
  };
  classLines?: (audit: Audit, name: string) => [string, ComponentChild[]][];
  image?: {
    strip?: FunctionComponent<ImageOf>;
    path?: FunctionComponent<ImageOf>;
    units?: FunctionComponent<ImageOf>;
    seen?: FunctionComponent<ImageOf>;
  };
  /** Sets of units to remove, by what one of them is called. */
  sets?: Record<string, (audit: Audit) => NamedSet[]>;
  /** Of an attribution method: its name as pages write it, and whether its maps can be believed. */
  method?: {
    name: (audit: Audit, method: string) => string;
    verdict: FunctionComponent<{ method: string }>;
  };
}

const found = import.meta.glob<Parts>("./*/_parts.tsx", { eager: true, import: "default" });

export const parts: Parts[] = Object.values(found);

/** The lenses that bring a part, by where it lies. */
export const lensesOf = (of: (own: Parts) => unknown): string[] =>
  Object.entries(found).flatMap(([place, own]) => (of(own) ? [place.split("/")[1]] : []));

/** What all lenses put into one place. */
export const fill = <P extends object>(
  of: (own: Parts) => FunctionComponent<P> | undefined,
  props: P,
) =>
  parts.flatMap((own, i) => {
    const Part = of(own);
    return Part ? [<Part key={i} {...props} />] : [];
  });

/** The first answer that a lens has. */
export const firstOf = <T,>(ask: (own: Parts) => T | undefined): T | undefined =>
  parts.map(ask).find((found) => found !== undefined);

const first = (audit: Audit, names: (string | undefined)[]): Table | undefined =>
  names.flatMap((name) => (name && audit.table(name)) || [])[0];

/** The table that the map of the network draws, if the audit has it. */
export const mapOf = (audit: Audit) =>
  first(
    audit,
    parts.map((own) => own.map),
  );

/** A table with rows of every unit, if the audit has one. */
export const unitTable = (audit: Audit) =>
  first(
    audit,
    parts.map((own) => own.units),
  );
