// Stands in, in the bundle, for d3 as Plot asks for it: without scales and mixtures of colours that no picture here has.

import { none } from "./d3";

// @ts-expect-error: it has no types of its own
export * from "d3";
export {
  none as interpolateHcl,
  none as interpolateHsl,
  none as interpolateLab,
  none as piecewise,
  none as quantize,
  none as scaleDiverging,
  none as scaleDivergingLog,
  none as scaleDivergingPow,
  none as scaleDivergingSymlog,
  none as scaleLog,
  none as scalePow,
  none as scaleQuantile,
  none as scaleSymlog,
  none as scaleThreshold,
  none as scaleTime,
  none as scaleUtc,
};
