// What each class loses without one unit.

import { heat } from "../make";

export default heat({
  filters: ["site"],
  rows: "class",
  across: "unit",
  values: ["effect", "accuracy_drop"],
});
