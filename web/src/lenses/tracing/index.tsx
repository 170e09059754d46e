// Tracing: how much of a decision each unit carries, by the class that it is for.

import type { View } from "..";
import { heat } from "../make";

export const tracing: Record<string, View> = {
  "tracing.patching": heat({ filters: ["site", "direction", "corrupt"], rows: "clean", across: "unit", values: ["recovery"], start: { corrupt: "all" } }),
  "tracing.directions": heat({ filters: ["site"], rows: "method", across: "class", values: ["auroc", "steer_slope", "erase_drop", "cosine"] }),
};
