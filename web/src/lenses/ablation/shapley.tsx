// Each unit's share in the score of a class.

import { heat } from "../make";

export default heat({
  filters: ["site"],
  rows: "class",
  across: "unit",
  values: ["shapley"],
});
