// Which class is taken for which.

import { heat } from "../make";

export default heat({
  filters: [],
  rows: "class",
  across: "prediction",
  values: ["share", "count"],
});
