// What each class loses without one unit, in every score.

import { heat } from "../make";

export default heat({
  filters: ["site", "score"],
  rows: "class",
  across: "unit",
  values: ["effect", "specific"],
});
