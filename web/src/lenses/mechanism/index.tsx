// Mechanism: how much of the class each site tells.

import type { View } from "..";
import { DotsView } from "../../views/Curve";
import { Paths } from "./Path";

const Flow: View = ({ table }) => <DotsView table={table} choice={{ kind: "dots", filters: [], rows: "site", across: "", values: ["probe_accuracy", "trained_gain", "cka_to_next", "nc1", "participation_ratio"].filter((v) => table.has(v)) }} />;

export const mechanism: Record<string, View> = { "mechanism.flow": Flow, "mechanism.paths": Paths };
