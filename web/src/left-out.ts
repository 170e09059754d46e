// Stands in, in the bundle, for parts of d3 and Plot that draw the earth, dates, named palettes, bins and stacks.

const none = (): never => {
  throw new Error("maps of the earth, dates, named palettes, bins and stacks are left out of this bundle");
};

const nothing = () => ({}); // made once, when Plot is loaded
const no = () => false;
const same = <T>(options: T): T => options; // lines and areas here name their values themselves
const [duration, type] = [Symbol("duration"), Symbol("type")];

// d3-geo
export {
  none as geoAlbers, none as geoAlbersUsa, none as geoAzimuthalEqualArea, none as geoAzimuthalEquidistant,
  none as geoCentroid, none as geoClipRectangle, none as geoConicConformal, none as geoConicEqualArea,
  none as geoConicEquidistant, none as geoEqualEarth, none as geoEquirectangular, none as geoGnomonic,
  none as geoGraticule, none as geoGraticule10, none as geoMercator, none as geoOrthographic, none as geoPath,
  none as geoStereographic, none as geoStream, nothing as geoTransform, none as geoTransverseMercator,
};

// d3-time, d3-time-format
export {
  none as timeDay, none as timeFormat, none as timeHour, none as timeMinute, none as timeMonth, none as timeSecond,
  none as timeTickInterval, none as timeTicks, none as timeWeek, none as timeYear,
  none as utcDay, none as utcFormat, none as utcHour, none as utcMinute, none as utcMonth, none as utcSecond,
  none as utcTickInterval, none as utcTicks, none as utcWeek, none as utcYear,
};

// plot/src/time.js
export {
  none as generalizeTimeInterval, none as inferTimeFormat, duration as intervalDuration, type as intervalType,
  none as parseTimeInterval, none as timeInterval, none as utcInterval,
};

// plot/src/scales/schemes.js
export {
  no as isCategoricalScheme, no as isDivergingScheme, none as maybeBooleanRange, none as ordinalRange,
  none as ordinalScheme, none as quantitativeScheme,
};

// plot/src/transforms/bin.js and stack.js, plot/src/legends/ramp.js
export {
  same as maybeDenseIntervalX, same as maybeDenseIntervalY, same as maybeStackX, same as maybeStackY,
  none as bin, none as binX, none as binY, none as legendRamp, none as maybeThresholds,
  none as stackX, none as stackX1, none as stackX2, none as stackY, none as stackY1, none as stackY2,
};
