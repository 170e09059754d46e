// Mechanism: how much of the class each site tells.

import type { View } from "..";
import { dots } from "../make";
import { Clusters } from "./Clusters";
import { Correlations } from "./Correlations";
import { Edges } from "./Edges";
import { Paths } from "./Path";

const Flow = dots({
  filters: [],
  rows: "site",
  values: ["probe_accuracy", "trained_gain", "cka_to_next", "nc1", "participation_ratio"],
});

export const mechanism: Record<string, View> = {
  "mechanism.pairs": Correlations,
  "mechanism.clusters": Clusters,
  "mechanism.flow": Flow,
  "mechanism.paths": Paths,
  "mechanism.edges": Edges,
};
