// Stands in, in the bundle, for parts of Plot that draw by dates, named palettes, bins, stacks, curves, facets, markers and projections.

// @ts-expect-error: it has no types of its own
import { curveLinear } from "d3-shape";
import { none } from "./d3";

const no = () => false;
const same = <T>(options: T): T => options; // lines and areas here name their values themselves
const nothing = () => undefined;
const straight = (curve?: unknown) => (curve === undefined ? curveLinear : none());
const [duration, type] = [Symbol("duration"), Symbol("type")];

// plot/src/time.js
// plot/src/scales/schemes.js
// plot/src/curve.js, facet.js and projection.js
// plot/src/transforms/bin.js and stack.js, plot/src/legends/ramp.js
// plot/src/scales/diverging.js, marker.js
export {
  curveLinear as curveAuto,
  duration as intervalDuration,
  no as isCategoricalScheme,
  no as isDivergingScheme,
  no as hasProjection,
  none as generalizeTimeInterval,
  none as inferTimeFormat,
  none as parseTimeInterval,
  none as timeInterval,
  none as utcInterval,
  none as maybeBooleanRange,
  none as ordinalRange,
  none as ordinalScheme,
  none as quantitativeScheme,
  none as applyPosition,
  none as getGeometryChannels,
  none as project,
  none as bin,
  none as binX,
  none as binY,
  none as legendRamp,
  none as maybeThresholds,
  none as stackX,
  none as stackX1,
  none as stackX2,
  none as stackY,
  none as stackY1,
  none as stackY2,
  none as facetExclude,
  none as facetFilter,
  none as facetGroups,
  none as facetTranslator,
  none as recreateFacets,
  none as createScaleDiverging,
  none as createScaleDivergingLog,
  none as createScaleDivergingPow,
  none as createScaleDivergingSqrt,
  none as createScaleDivergingSymlog,
  nothing as createFacets,
  nothing as createProjection,
  nothing as maybeFacetAnchor,
  nothing as projectionAspectRatio,
  nothing as xyProjection,
  nothing as applyGroupedMarkers,
  nothing as applyMarkers,
  nothing as markers,
  same as maybeDenseIntervalX,
  same as maybeDenseIntervalY,
  same as maybeStackX,
  same as maybeStackY,
  straight as maybeCurve,
  straight as maybeCurveAuto,
  type as intervalType,
};
