// Attribution: methods and their gates, their maps, removal, and one class against another.

import type { View } from "..";
import { useAudit } from "../../views/context";
import { Contrasts } from "./contrasts";
import { Gates } from "./gates";
import { ClassMaps, ExampleMaps } from "./maps";
import { Removal } from "./removal";

const Methods: View = ({ table }) => {
  const audit = useAudit();
  const array = (name: string) => audit.array(`attribution.${name}`);
  const images = array("example_images"), shown = array("example_maps"), labels = array("example_labels");
  const maps = array("class_maps"), curves = array("curves");
  return (
    <>
      <Gates table={table} />
      {images && shown && labels && <ExampleMaps table={table} images={images} maps={shown} labels={labels} />}
      {maps && <ClassMaps table={table} maps={maps} />}
      {curves && <Removal table={table} curves={curves} />}
    </>
  );
};

export const attribution: Record<string, View> = {
  "attribution.methods": Methods,
  "attribution.contrasts": Contrasts,
};
