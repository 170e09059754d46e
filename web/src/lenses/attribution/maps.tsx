// What do the methods' maps show, of one image of each class and on average?

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { limitOf } from "../../colour";
import { part, shown, type Numbers, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { Pixels } from "../../views/Pixels";
import { failed, methodsOf, verdict, words } from "./gates";

const PAGE = 10;

/** Buttons that turn pages of `PAGE` things, where there are more; and the first one shown. */
function usePages(count: number, what: string): [number, ComponentChildren] {
  const [from, setFrom] = useState(0);
  const buttons = count > PAGE && (
    <p class="picks">
      <button disabled={from === 0} onClick={() => setFrom(from - PAGE)}>previous {what}</button>
      <button disabled={from + PAGE >= count} onClick={() => setFrom(from + PAGE)}>next {what}</button>
      <span class="pick">{from + 1} to {Math.min(count, from + PAGE)} of {count}</span>
    </p>
  );
  return [from, buttons];
}

const range = (from: number, until: number) => Array.from({ length: Math.max(0, until - from) }, (_, i) => from + i);

function Head({ table, method, column }: { table: Table; method: string; column?: boolean }) {
  return <th scope={column ? "col" : "row"}>{words(method)}<br /><Verdict table={table} method={method} /></th>;
}

export function Verdict({ table, method }: { table: Table; method: string }) {
  const gates = failed(table, method);
  return <small class={gates.length ? "fails" : ""} title={gates.length ? `fails: ${gates.join(", ")}` : undefined}>{verdict(table, method)}</small>;
}

/** A map of shares: it adds up to 1, and its colours are its own. */
function Shares({ values, width, label, size }: { values: Float32Array; width: number; label: string; size?: number }) {
  const limit = limitOf(values);
  return <Pixels values={values} width={width} limit={limit} size={size} label={`${label}; full colour: ${shown(limit * 100)} % of the map in one pixel`} />;
}

export function ExampleMaps({ table, images, maps, labels }: { table: Table; images: Numbers; maps: Numbers; labels: Numbers }) {
  const audit = useAudit();
  const { classes } = audit.outline, ids = audit.array("attribution.example_ids");
  const methods = methodsOf(table).slice(0, maps.shape[0]);
  const [from, buttons] = usePages(labels.values.length, "images");
  const [, , width, planes = 1] = images.shape;
  return (
    <Frame caption="First one rightly classified image of each class, of middling margin, then closest calls and worst mistakes; and where each method puts its attributions: shares of their absolute size, blue where there is more, on a scale of each map's own. “edge” is the control: it sees the image and no model." table={table}>
      {buttons}
      <div class="sideways" tabIndex={0} role="region" aria-label="Maps of typical images">
        <table class="maps">
          <thead><tr><th scope="col">class</th><th scope="col">image</th>{methods.map((name) => <Head key={name} table={table} method={name} column />)}</tr></thead>
          <tbody>
            {range(from, Math.min(labels.values.length, from + PAGE)).map((e) => {
              const label = labels.values[e], name = classes[label] ?? "?";
              return (
                <tr key={e}>
                  <th scope="row"><a href={to.class(label)}>{name}</a></th>
                  <td><Linked place={audit.images?.examples.indexOf(ids?.values[e] ?? -1) ?? -1}><Pixels values={part(images, e)} width={width} planes={planes} label={`image of class ${name}`} /></Linked></td>
                  {methods.map((method, m) => <td key={method}><Shares values={part(maps, m, e)} width={maps.shape[3]} label={`${words(method)} of the image of class ${name}`} /></td>)}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Frame>
  );
}

/** Leads to the image's card, where the page holds one. */
const Linked = ({ place, children }: { place: number; children: ComponentChildren }) => (place < 0 ? <>{children}</> : <a href={to.image(place)}>{children}</a>);

export function ClassMaps({ table, maps }: { table: Table; maps: Numbers }) {
  const { classes } = useAudit().outline;
  const methods = methodsOf(table).slice(0, maps.shape[0]);
  const [from, buttons] = usePages(maps.shape[1], "classes");
  const some = range(from, Math.min(maps.shape[1], from + PAGE));
  return (
    <Frame caption="Mean of the maps of each class's images, each image's map counted as shares that add up to 1. Blue where there is more, on a scale of each picture's own; a mean hides where in single images the pixels lie." table={table}>
      {buttons}
      <div class="sideways" tabIndex={0} role="region" aria-label="Mean maps of the classes">
        <table class="maps">
          <thead><tr><th scope="col">method</th>{some.map((c) => <th scope="col" key={c}><a href={to.class(c)}>{classes[c] ?? c}</a></th>)}</tr></thead>
          <tbody>
            {methods.map((method, m) => (
              <tr key={method}>
                <Head table={table} method={method} />
                {some.map((c) => <td key={c}><Shares values={part(maps, m, c)} width={maps.shape[3]} label={`mean ${words(method)} of class ${classes[c] ?? c}`} /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Frame>
  );
}

/** The maps of one image that is told of by itself, those of failing methods marked. */
export function ImageMaps({ example }: { example: number }) {
  const audit = useAudit();
  const table = audit.table("attribution.methods"), ids = audit.array("attribution.example_ids"), maps = audit.array("attribution.example_maps");
  const place = ids?.values.indexOf(example) ?? -1;
  if (!table || !maps || place < 0) return null;
  return (
    <>
      {methodsOf(table).slice(0, maps.shape[0]).map((method, m) => (
        <figure class="map" key={method}>
          <Shares values={part(maps, m, place)} width={maps.shape[3]} size={128} label={`${words(method)} of this image`} />
          <figcaption>{words(method)}<br /><Verdict table={table} method={method} /></figcaption>
        </figure>
      ))}
    </>
  );
}
