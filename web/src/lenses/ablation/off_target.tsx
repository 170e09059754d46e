// What each class loses without the top units of another.

import { heat } from "../make";

export default heat({
  filters: ["site"],
  rows: "removed_for",
  across: "class",
  values: ["drop"],
});
