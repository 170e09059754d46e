// The page that `holistic serve` answers: the report, and what only a model can say.

import { begin } from "../main";
import type { Route } from "../route";
import { Draw } from "./Draw";
import { Jobs } from "./Jobs";
import { Playground } from "./Playground";
import { Rows } from "./Rows";
import { takeToken } from "./server";

takeToken();
const view = (route: Route) =>
  route.view === "live" ? (
    <Playground key="live" wanted={route.units} edit={route.edit} />
  ) : route.view === "draw" ? (
    <Draw key="draw" place={route.place} />
  ) : route.view === "jobs" ? (
    <Jobs key="jobs" />
  ) : null;

begin({ view, rows: Rows });
