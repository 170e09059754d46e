// Stands in, in the bundle, for parts of d3 that draw the earth and dates.

export const none = (): never => {
  throw new Error(
    "maps of the earth, dates, named palettes, bins, stacks, curves, facets, markers, projections and some scales are left out of this bundle",
  );
};

const nothing = () => ({}); // made once, when Plot is loaded

// d3-geo
// d3-time, d3-time-format
export {
  none as geoAlbers,
  none as geoAlbersUsa,
  none as geoAzimuthalEqualArea,
  none as geoAzimuthalEquidistant,
  none as geoCentroid,
  none as geoClipRectangle,
  none as geoConicConformal,
  none as geoConicEqualArea,
  none as geoConicEquidistant,
  none as geoEqualEarth,
  none as geoEquirectangular,
  none as geoGnomonic,
  none as geoGraticule,
  none as geoGraticule10,
  none as geoMercator,
  none as geoOrthographic,
  none as geoPath,
  none as geoStereographic,
  none as geoStream,
  none as geoTransverseMercator,
  none as timeDay,
  none as timeFormat,
  none as timeHour,
  none as timeMinute,
  none as timeMonth,
  none as timeSecond,
  none as timeTickInterval,
  none as timeTicks,
  none as timeWeek,
  none as timeYear,
  none as utcDay,
  none as utcFormat,
  none as utcHour,
  none as utcMinute,
  none as utcMonth,
  none as utcSecond,
  none as utcTickInterval,
  none as utcTicks,
  none as utcWeek,
  none as utcYear,
  nothing as geoTransform,
};
