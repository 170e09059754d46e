// Views of their own by their place: `<lens>/<finding>.tsx` is that finding's; every other finding gets the view that its columns ask for. Files of parts begin with `_`.

import type { FunctionComponent } from "preact";
import type { Table } from "../data";

/** `rowless` where it shows something of other findings, too, when its own has no row. */
export type View = FunctionComponent<{ table: Table }> & { rowless?: boolean };

const found = import.meta.glob<View>("./*/[a-z]*.tsx", { eager: true, import: "default" });

export const own: Record<string, View> = Object.fromEntries(
  Object.entries(found).map(([file, view]) => [file.slice(2, -4).replace("/", "."), view]),
);
