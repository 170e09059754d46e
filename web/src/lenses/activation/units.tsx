// What each unit does in each class, and how well it tells the class.

import { heat } from "../make";

export default heat({
  filters: ["site"],
  rows: "class",
  across: "unit",
  values: ["auroc", "mean"],
});
