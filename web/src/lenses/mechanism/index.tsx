// Mechanism: how much of the class each site tells.

import type { View } from "..";
import { dots } from "../make";
import { Paths } from "./Path";

const Flow = dots({ filters: [], rows: "site", values: ["probe_accuracy", "trained_gain", "cka_to_next", "nc1", "participation_ratio"] });

export const mechanism: Record<string, View> = { "mechanism.flow": Flow, "mechanism.paths": Paths };
