// Everything about one image: maps of its pixels, its way through the network, the units that decided it.

import { casesOf } from "../data";
import { fill } from "../lenses/parts";
import { to } from "../route";
import { useAudit } from "../views/context";
import { Picture } from "../views/Picture";
import { shown } from "../wording";

export function ImageCard({ example }: { example: number }) {
  const audit = useAudit();
  const images = audit.images;
  const place = images?.examples.indexOf(example) ?? -1;
  if (!images || place < 0)
    return (
      <p>
        This page holds no {audit.inputs.example} of example {example}.
      </p>
    );
  const label = images.labels[place];
  const cases = casesOf(audit);
  const source = cases.find((table) => table.rows({ example }).length),
    [row] = source?.rows({ example }) ?? [];
  const prediction = source
    ? shown(source.cell(row, "prediction"))
    : (audit.outline.classes[images.predictions?.[place] ?? -1] ?? null);
  return (
    <section class="card">
      <h2>
        {audit.inputs.example} {example}{" "}
        <small>
          of class <a href={to.class(label)}>{shown(audit.outline.classes[label] ?? null)}</a>
          {prediction !== null && `, predicted as ${prediction}`}
          {source && `: ${shown(source.cell(row, "kind"))}`}
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
          <>
            <a href={to.draw(example)}>ask the model about it</a>{" "}
            <a href={to.steer(example)}>steer it</a> <a href={to.patch(example)}>patch it</a>
          </>
        )}
      </p>
      <div class="strip">
        <Picture place={place} size={196} />
        {fill((own) => own.image?.strip, { example })}
      </div>
      {fill((own) => own.image?.path, { example })}
      {fill((own) => own.image?.units, { example })}
      {!source && cases[0] && (
        <p>
          Maps, path and deciding units are measured for three {audit.inputs.examples} of each
          class: the typical one, the closest call and the worst mistake.{" "}
          <a href={to.lens(cases[0].name.split(".")[0], cases[0].name)}>
            Those {audit.inputs.examples}
          </a>
        </p>
      )}
      {fill((own) => own.image?.seen, { example })}
    </section>
  );
}
