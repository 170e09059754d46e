// Which findings have a view of their own; every other one gets the view that its columns ask for.

import type { FunctionComponent } from "preact";
import type { Table } from "../data";
import { ablation } from "./ablation";
import { activation } from "./activation";
import { agreement } from "./agreement";
import { attribution } from "./attribution";
import { mechanism } from "./mechanism";
import { tracing } from "./tracing";

export type View = FunctionComponent<{ table: Table }>;

export const own: Record<string, View> = {
  ...ablation,
  ...activation,
  ...attribution,
  ...mechanism,
  ...tracing,
  ...agreement,
};
