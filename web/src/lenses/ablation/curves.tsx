// Accuracy of a class from no unit removed to all.

import { curve } from "../make";

export default curve({
  filters: ["site", "class", "kind", "ranking"],
  across: "k",
  values: ["accuracy"],
  start: { ranking: "effect" },
});
