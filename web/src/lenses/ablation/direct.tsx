// What a unit does straight to the score, and what the rest of the network answers.

import { dots } from "../make";

export default dots({
  filters: ["site", "kind"],
  rows: "unit",
  values: ["response", "total", "direct"],
});
