// What the lens adds to the cards and to the live page.

import type { ComponentChild } from "preact";
import { type Audit, part } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { measured } from "../../views/Measurement";
import { Pixels } from "../../views/Pixels";
import { plain } from "../../wording";
import type { ClassOf, Hit, Parts } from "../parts";
import { nameOf } from "./_gates";
import { ClassMaps, ImageMaps, Verdict } from "./_maps";
import { TokensOf } from "./_tokens";

/** The mean image of the class. */
function Mean({ index, name }: ClassOf) {
  const audit = useAudit(),
    images = audit.array("attribution.class_images");
  if (!images || !audit.images?.sheet) return null;
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
  const audit = useAudit();
  if (!audit.array("attribution.class_maps")) return null;
  return (
    <>
      <h3>{audit.inWords("Which pixels decide, on average over its images")}</h3>
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
          examples), {audit.inWords("without the top pixels")}: {sentence()}
        </>
      ),
    ),
  ],
];

/** Features and words by their names. */
function hits(audit: Audit, asked: string): Hit[] {
  const found = (name: string, column: string, what: string): Hit[] =>
    (audit.table(name)?.distinct(column) ?? [])
      .filter((word) => String(word).toLowerCase().includes(asked))
      .map((word) => ({ words: `${what} ${word}`, hash: to.lens("attribution", name) }));
  return [
    ...found("attribution.response", "feature", "feature"),
    ...found("attribution.words", "word", "word"),
  ].slice(0, 6);
}

function MethodVerdict({ method }: { method: string }) {
  const table = useAudit().table("attribution.methods");
  return table?.rows({ method }).length ? (
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
  image: { strip: ImageMaps, path: TokensOf },
  hits,
  method: { name: methodName, verdict: MethodVerdict },
} satisfies Parts;
