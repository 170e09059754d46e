// Tracing: through which sites decisions go, how classes lie at each, and directions put to use.

import type { View } from "..";
import { Directions } from "./Directions";
import { Geometry } from "./Geometry";
import { Patching } from "./Patching";

export const tracing: Record<string, View> = {
  "tracing.patching": Patching,
  "tracing.geometry": Geometry,
  "tracing.directions": Directions,
};
