// Ablation: what each class loses without a unit, and without growing sets of units.

import type { View } from "..";
import type { Choice } from "../../choose";
import type { Table } from "../../data";
import { Curve } from "../../views/Curve";
import { Heat } from "../../views/Heat";

const heat = (choice: Omit<Choice, "kind">): View => ({ table }) => <Heat table={table} choice={present(table, { kind: "heat", ...choice })} />;
const curve = (choice: Omit<Choice, "kind" | "rows">): View => ({ table }) => <Curve table={table} choice={present(table, { kind: "curve", rows: "", ...choice })} />;

function present(table: Table, choice: Choice): Choice {
  return { ...choice, filters: choice.filters.filter((f) => table.has(f)), values: choice.values.filter((v) => table.has(v)) };
}

export const ablation: Record<string, View> = {
  "ablation.units": heat({ filters: ["site"], rows: "class", across: "unit", values: ["effect", "accuracy_drop"] }),
  "ablation.scores": heat({ filters: ["site", "score"], rows: "class", across: "unit", values: ["effect", "specific"] }),
  "ablation.shapley": heat({ filters: ["site"], rows: "class", across: "unit", values: ["shapley", "effect"] }),
  "ablation.replacements": heat({ filters: ["site", "class"], rows: "replacement_a", across: "replacement_b", values: ["spearman", "overlap"] }),
  "ablation.collateral": heat({ filters: ["site"], rows: "removed_for", across: "class", values: ["drop"] }),
  "ablation.topk": curve({ filters: ["site", "class", "ranking"], across: "k", values: ["class_drop", "drop"] }),
  "ablation.curves": curve({ filters: ["site", "class", "kind", "ranking"], across: "k", values: ["accuracy"] }),
};
