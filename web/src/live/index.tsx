// The page that `holistic serve` answers: the report, and what only a model can say.

import { lensesOf } from "../lenses/parts";
import { begin, type Page } from "../main";
import "./live.css";
import type { Route } from "../route";
import { Draw } from "./Draw";
import { Jobs } from "./Jobs";
import { Lacking } from "./Lacking";
import { Patch } from "./Patch";
import { Playground } from "./Playground";
import { Rows } from "./Rows";
import { Steer } from "./Steer";
import { takeToken } from "./server";
import { absent } from "./watch";

takeToken();
const view = (route: Route) =>
  route.view === "live" ? (
    <Playground key="live" wanted={route.units} edit={route.edit} />
  ) : route.view === "draw" ? (
    <Draw key="draw" place={route.place} />
  ) : route.view === "patch" ? (
    <Patch key="patch" place={route.place} from={route.from} />
  ) : route.view === "steer" ? (
    <Steer key={`steer ${route.label}`} place={route.place} label={route.label} />
  ) : route.view === "jobs" ? (
    <Jobs key="jobs" wanted={route.lens} />
  ) : null;

/** What can be done here, by the words that people look for it with. */
const pages: Page[] = [
  {
    words: "playground: remove units",
    also: "ablate ablation remove neurons live",
    hash: "#/live",
  },
  {
    words: "draw an input and ask the model",
    also: "drawing type text table form image",
    hash: "#/draw",
  },
  {
    words: "patch: one input's activations in another",
    also: "patching activation interchange",
    hash: "#/patch",
  },
  {
    words: "steer along a class's direction",
    also: "steering slider film strip vector",
    hash: "#/steer",
  },
  { words: "jobs: run a lens that is missing", also: "job add", hash: "#/jobs" },
];

absent(lensesOf(() => true));
begin({ view, rows: Rows, pages, lacking: Lacking });
