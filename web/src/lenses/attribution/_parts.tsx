// What the lens adds to the cards and to the live page.

import type { ComponentChild } from "preact";
import { type Audit, part } from "../../data";
import { useAudit } from "../../views/context";
import { measured } from "../../views/Measurement";
import { Pixels } from "../../views/Pixels";
import { plain } from "../../wording";
import type { ClassOf, Parts } from "../parts";
import { nameOf } from "./_gates";
import { ClassMaps, ImageMaps, Verdict } from "./_maps";

/** The mean image of the class. */
function Mean({ index, name }: ClassOf) {
  const images = useAudit().array("attribution.class_images");
  if (!images) return null;
  const [, , width, planes] = images.shape;
  return (
    <span class="change">
      <Pixels
        values={part(images, index)}
        width={width}
        planes={planes}
        size={44}
        label={`mean of the selection split's images of class ${name}`}
      />
      <small>their mean</small>
    </span>
  );
}

function Maps({ index, name }: ClassOf) {
  if (!useAudit().array("attribution.class_maps")) return null;
  return (
    <>
      <h3>Which pixels decide, on average over its images</h3>
      <div class="strip">
        <ClassMaps index={index} name={name} />
      </div>
    </>
  );
}

const classLines = (audit: Audit, name: string): [string, ComponentChild[]][] => [
  [
    "attribution",
    measured(audit, "attribution.contrasts", { class: name }, "change").map(
      ({ cell, sentence }) => (
        <>
          rather than {cell("rival")} (taken for each other on {cell("confused")} selection
          examples), without the top pixels: {sentence()}
        </>
      ),
    ),
  ],
];

function MethodVerdict({ method }: { method: string }) {
  const table = useAudit().table("attribution.methods");
  return table ? (
    <>
      <br />
      <Verdict table={table} method={method} />
    </>
  ) : null;
}

function methodName(audit: Audit, method: string): string {
  const table = audit.table("attribution.methods");
  return table ? nameOf(table, method) : plain(method);
}

export default {
  class: { strip: Mean, pictures: Maps },
  classLines,
  image: { strip: ImageMaps },
  method: { name: methodName, verdict: MethodVerdict },
} satisfies Parts;
