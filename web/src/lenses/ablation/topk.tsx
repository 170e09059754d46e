// Accuracy of a class as its top units go.

import { curve } from "../make";

export default curve({
  filters: ["site", "class", "ranking"],
  across: "k",
  values: ["class_drop", "drop"],
  start: { ranking: "effect" },
});
