// Ablation: what each class loses without a unit, and without growing sets of units.

import type { View } from "..";
import { curve, dots, heat } from "../make";
import { DecidingUnits } from "./Deciding";
import { Interactions } from "./Interactions";

const start = { ranking: "effect" };

export const ablation: Record<string, View> = {
  "ablation.units": heat({
    filters: ["site"],
    rows: "class",
    across: "unit",
    values: ["effect", "accuracy_drop"],
  }),
  "ablation.confusion": heat({
    filters: [],
    rows: "class",
    across: "prediction",
    values: ["share", "count"],
  }),
  "ablation.images": DecidingUnits,
  "ablation.scores": heat({
    filters: ["site", "score"],
    rows: "class",
    across: "unit",
    values: ["effect", "specific"],
  }),
  "ablation.shapley": heat({
    filters: ["site"],
    rows: "class",
    across: "unit",
    values: ["shapley"],
  }),
  "ablation.replacements": heat({
    filters: ["site", "class"],
    rows: "replacement_a",
    across: "replacement_b",
    values: ["spearman", "overlap"],
  }),
  "ablation.collateral": heat({
    filters: ["site"],
    rows: "removed_for",
    across: "class",
    values: ["drop"],
  }),
  "ablation.interactions": Interactions,
  "ablation.direct": dots({
    filters: ["site", "kind"],
    rows: "unit",
    values: ["response", "total", "direct"],
  }),
  "ablation.backup": heat({
    filters: ["site", "kind", "backup_site"],
    rows: "unit",
    across: "backup_unit",
    values: ["growth"],
  }),
  "ablation.topk": curve({
    filters: ["site", "class", "ranking"],
    across: "k",
    values: ["class_drop", "drop"],
    start,
  }),
  "ablation.curves": curve({
    filters: ["site", "class", "kind", "ranking"],
    across: "k",
    values: ["accuracy"],
    start,
  }),
};
