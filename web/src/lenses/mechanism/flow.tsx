// How much of the class each site holds.

import { dots } from "../make";

export default dots({
  filters: [],
  rows: "site",
  values: ["probe_accuracy", "trained_gain", "cka_to_next", "nc1", "participation_ratio"],
});
