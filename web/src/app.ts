// The report: one file, with nothing to ask.

import { begin } from "./main";

begin();
