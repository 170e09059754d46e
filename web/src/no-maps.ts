// Stands in for d3-geo in the bundle: Plot names its projections, and nothing here draws the earth.

const none = (): never => {
  throw new Error("maps of the earth are left out of this bundle");
};

const nothing = () => ({}); // made once, when Plot is loaded

export {
  none as geoAlbers, none as geoAlbersUsa, none as geoAzimuthalEqualArea, none as geoAzimuthalEquidistant,
  none as geoCentroid, none as geoClipRectangle, none as geoConicConformal, none as geoConicEqualArea,
  none as geoConicEquidistant, none as geoEqualEarth, none as geoEquirectangular, none as geoGnomonic,
  none as geoGraticule, none as geoGraticule10, none as geoMercator, none as geoOrthographic, none as geoPath,
  none as geoStereographic, none as geoStream, nothing as geoTransform, none as geoTransverseMercator,
};
