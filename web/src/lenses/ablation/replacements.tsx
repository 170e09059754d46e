// How alike effects are, whatever a removed unit holds instead.

import { heat } from "../make";

export default heat({
  filters: ["site", "class"],
  rows: "replacement_a",
  across: "replacement_b",
  values: ["spearman", "overlap"],
});
