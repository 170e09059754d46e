// What do the methods' maps show, of one image of each class and on average?

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { limitOf } from "../../colour";
import { type Numbers, part, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame, Pick } from "../../views/Frame";
import { InputMap } from "../../views/InputMap";
import { usePages } from "../../views/Pages";
import { Picture } from "../../views/Picture";
import { Pixels } from "../../views/Pixels";
import { Scrolled } from "../../views/Scrolled";
import { shown } from "../../wording";
import { methodsOf, nameOf, verdict, why } from "./_gates";

const [TYPICAL, MEAN] = ["single examples", "the mean over examples"];
const PAGE = 10;

/** Maps `[M, K, H, W]` of the methods, of classes `of`, beside their images where there are some. */
interface Shown {
  maps: Numbers;
  of: number[];
  images?: Numbers;
}

/** A single example's map as evidence is drawn, orange where its class needs it; edges have no sign. */
const needed = (maps: Numbers, m: number, k: number) => {
  const values = part(maps, m, k);
  return values.some((value) => value < 0) ? values.map((value) => -value) : values;
};

export function Maps({ table }: { table: Table }) {
  const audit = useAudit(),
    array = (name: string) => audit.array(`attribution.${name}`);
  const { classes } = audit.outline;
  const typical = array("example_maps"),
    means = array("class_maps"),
    images = array("example_images"),
    labels = array("example_labels");
  const kinds: Record<string, Shown> = {};
  if (typical && labels) kinds[TYPICAL] = { maps: typical, of: [...labels.values], images };
  if (means) kinds[MEAN] = { maps: means, of: classes.map((_, c) => c) };
  const [kind, setKind] = useState(Object.keys(kinds)[0]);
  const [some, buttons] = usePages(
    kinds[kind]?.of.map((_, k) => k) ?? [],
    PAGE,
    kind === MEAN ? "classes" : audit.inputs.examples,
  );
  if (!kind) return null;
  const { maps, of, images: drawn } = kinds[kind];
  const ids = array("example_ids"),
    example = (k: number) => ids?.values[k] ?? -1;
  const methods = methodsOf(table).slice(0, maps.shape[0]);
  const heads = methods.map((method) => (
    <th scope="col" key={method}>
      {nameOf(table, method)}
      <br />
      <Verdict table={table} method={method} />
    </th>
  ));
  const map = (method: string, m: number, k: number) => {
    const values = kind === TYPICAL ? needed(maps, m, k) : part(maps, m, k),
      limit = limitOf(values);
    return (
      <td key={method} data-head={nameOf(table, method)}>
        <InputMap
          place={kind === TYPICAL ? audit.images?.examples.indexOf(example(k)) : undefined}
          values={values}
          width={maps.shape[3]}
          limit={limit}
          label={`${nameOf(table, method)} of class ${classes[of[k]]}, ${kind}; full colour: ${shown(limit * 100)} % of the map in one ${audit.inputs.part}`}
        />
      </td>
    );
  };
  return (
    <Frame
      caption={
        kind === TYPICAL
          ? "What in an image speaks for its class (orange) or against it (blue), each map on its own scale. Control: “edge”, which sees no model; the tests above have intervals and n."
          : "Where each method puts its attributions: blue where there is more, each map on its own scale. Control: “edge”, which sees no model; the tests above have intervals and n."
      }
      table={table}
    >
      <p class="picks">
        <Pick name="maps of" from={Object.keys(kinds)} at={kind} set={setKind} />
        {buttons}
      </p>
      <Scrolled way="sideways" label="Maps by class and method">
        <table class="maps">
          <thead>
            <tr>
              <th scope="col">class</th>
              {drawn && <th scope="col">{audit.inputs.example}</th>}
              {heads}
            </tr>
          </thead>
          <tbody>
            {some.map((k) => (
              <tr key={k}>
                <th scope="row">
                  <a href={to.class(of[k])}>{classes[of[k]]}</a>
                </th>
                {drawn && (
                  <td>
                    {audit.images && !audit.images.sheet ? (
                      audit.images.examples.includes(example(k)) && (
                        <Picture place={audit.images.examples.indexOf(example(k))} />
                      )
                    ) : (
                      <Linked example={example(k)}>
                        <Pixels
                          values={part(drawn, k)}
                          width={drawn.shape[2]}
                          planes={drawn.shape[3]}
                          label={`image of class ${classes[of[k]]}`}
                        />
                      </Linked>
                    )}
                  </td>
                )}
                {methods.map((method, m) => map(method, m, k))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </Frame>
  );
}

/** Leads to the image's card, where the page holds one. */
const Linked = ({ example, children }: { example: number; children: ComponentChildren }) =>
  useAudit().images?.examples.includes(example) ? (
    <a href={to.image(example)}>{children}</a>
  ) : (
    children
  );

export function Verdict({ table, method }: { table: Table; method: string }) {
  const says = why(table, method);
  return (
    <small class={says ? "fails" : ""} title={says ? `fails ${says}` : undefined}>
      {verdict(table, method)}
    </small>
  );
}

/** The maps of one image that is told of by itself. */
export function ImageMaps({ example }: { example: number }) {
  const place = useAudit().array("attribution.example_ids")?.values.indexOf(example) ?? -1;
  return (
    <Strip
      name="attribution.example_maps"
      place={place}
      over={useAudit().images?.examples.indexOf(example)}
      of={`this ${useAudit().inputs.example}`}
    />
  );
}

/** The mean maps of one class. */
export function ClassMaps({ index, name }: { index: number; name: string }) {
  const { examples } = useAudit().inputs;
  return (
    <Strip
      name="attribution.class_maps"
      place={index}
      of={`class ${name}, mean over ${examples}`}
    />
  );
}

/** Maps of all methods, `[M, K, H, W]`, at one place of K; those of failing methods marked. */
function Strip({
  name,
  place,
  over,
  of,
}: {
  name: string;
  place: number;
  /** Where the example that it is laid over stands on the page. */
  over?: number;
  of: string;
}) {
  const audit = useAudit();
  const table = audit.table("attribution.methods"),
    maps = audit.array(name);
  if (!table || !maps || place < 0) return null;
  const signed = over !== undefined,
    rows = table.rows({ method: methodsOf(table)[0] });
  return (
    <Frame
      name={`maps of ${of}`}
      caption={`${signed ? "What in it speaks for its class (orange) or against it (blue)" : "Where each method puts its attributions: blue where there is more"}, each map on its own scale. Control: “edge”, which sees no model. Methods that fail a test are marked; the tests' numbers are in the table (n = ${shown(rows.length ? table.cell(rows[0], "n") : null)}).`}
      table={table}
    >
      <div class="strip">
        {methodsOf(table)
          .slice(0, maps.shape[0])
          .map((method, m) => {
            const values = signed ? needed(maps, m, place) : part(maps, m, place);
            return (
              <figure class="map" key={method}>
                <InputMap
                  values={values}
                  width={maps.shape[3]}
                  limit={limitOf(values)}
                  size={128}
                  place={over}
                  label={`${nameOf(table, method)} of ${of}`}
                />
                <figcaption>
                  {nameOf(table, method)}
                  <br />
                  <Verdict table={table} method={method} />
                </figcaption>
              </figure>
            );
          })}
      </div>
    </Frame>
  );
}
