// Everything about one image: maps of its pixels, its way through the network, the units that decided it.

import { shown } from "../data";
import { Deciding } from "../lenses/ablation/images";
import { ImageMaps } from "../lenses/attribution/_maps";
import { Path } from "../lenses/mechanism/paths";
import { to } from "../route";
import { useAudit } from "../views/context";
import { DataTable } from "../views/DataTable";
import { Picture } from "../views/Picture";

export function ImageCard({ example }: { example: number }) {
  const audit = useAudit();
  const images = audit.images;
  const place = images?.examples.indexOf(example) ?? -1;
  if (!images || place < 0) return <p>This page holds no image of example {example}.</p>;
  const label = images.labels[place];
  const has = (name: string) => {
    const table = audit.table(name);
    const rows = table?.rows({ example }) ?? [];
    return rows.length ? { table: table!, rows } : null;
  };
  const deciding = has("ablation.images"),
    path = has("mechanism.paths"),
    seen = has("activation.examples");
  const source = deciding ?? path;
  const prediction = source
    ? shown(source.table.cell(source.rows[0], "prediction"))
    : (audit.outline.classes[images.predictions?.[place] ?? -1] ?? null);
  return (
    <section class="card">
      <h2>
        image {example}{" "}
        <small>
          of class <a href={to.class(label)}>{shown(audit.outline.classes[label] ?? null)}</a>
          {prediction !== null && `, predicted as ${prediction}`}
          {source && `: ${shown(source.table.cell(source.rows[0], "kind"))}`}
        </small>
      </h2>
      <p class="tools">
        {place > 0 && (
          <a href={to.image(images.examples[place - 1])} rel="prev">
            ← previous
          </a>
        )}{" "}
        {place + 1 < images.examples.length && (
          <a href={to.image(images.examples[place + 1])} rel="next">
            next →
          </a>
        )}
        {document.querySelector("meta[name=holistic-live]") && (
          <a href={to.draw(example)}>ask the model about it</a>
        )}
      </p>
      <div class="strip">
        <Picture place={place} size={196} />
        <ImageMaps example={example} />
      </div>
      {path && (
        <>
          <h3>Its way through the network</h3>
          <Path table={path.table} example={example} />
        </>
      )}
      {deciding && (
        <>
          <h3>Units that decided it</h3>
          <Deciding table={deciding.table} example={example} />
        </>
      )}
      {!source && (
        <p>
          Maps, path and deciding units are measured for three images of each class: the typical
          one, the closest call and the worst mistake.{" "}
          <a href={to.lens("ablation", "ablation.images")}>Those images</a>
        </p>
      )}
      {seen && (
        <>
          <h3>Units that it was shown for</h3>
          <DataTable table={seen.table} rows={seen.rows} />
        </>
      )}
    </section>
  );
}
