// What the lens adds to the cards.

import type { ComponentChild } from "preact";
import type { Audit } from "../../data";
import { measured } from "../../views/Measurement";
import type { Parts } from "../parts";

const classLines = (audit: Audit, name: string): [string, ComponentChild[]][] => [
  [
    "tracing",
    measured(
      audit,
      "tracing.directions",
      { class: name, method: "class_mean_difference" },
      "auroc",
    ).map(({ cell, sentence }) => (
      <>
        its direction at {cell("site")}: {sentence()}; steered by one standard deviation:{" "}
        {sentence("steer_slope")}
      </>
    )),
  ],
];

export default { classLines } satisfies Parts;
