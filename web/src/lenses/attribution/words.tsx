// Which words does each class need?

import { dots } from "../make";

export default dots({ filters: ["class"], rows: "word", values: ["effect"] });
