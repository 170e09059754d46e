// Which units step in for a removed one.

import { heat } from "../make";

export default heat({
  filters: ["site", "kind", "backup_site"],
  rows: "unit",
  across: "backup_unit",
  values: ["growth"],
});
