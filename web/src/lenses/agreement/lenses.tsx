// How alike two lenses rank the units of a site.

import { heat } from "../make";

export default heat({
  filters: ["site", "class"],
  rows: "lens_a",
  across: "lens_b",
  values: ["spearman", "topk_overlap"],
});
