// The sets that were looked at, and the ways back and forth through them.

export interface Trail {
  readonly sets: readonly string[];
  readonly at: number;
  /** What the address said when it was last read: a step changes `at` before the address follows. */
  readonly seen: string;
}

export const started = (set: string): Trail => ({ sets: [set], at: 0, seen: set });

/** The trail once the address says `set`; a new set forgets what could be done again. */
export function reached(trail: Trail, set: string): Trail {
  if (set === trail.seen) return trail;
  if (set === trail.sets[trail.at]) return { ...trail, seen: set };
  return { sets: [...trail.sets.slice(0, trail.at + 1), set], at: trail.at + 1, seen: set };
}

/** One step back (-1) or forth (1), where there is one. */
export function stepped(trail: Trail, by: number): Trail | undefined {
  return trail.sets[trail.at + by] === undefined ? undefined : { ...trail, at: trail.at + by };
}
