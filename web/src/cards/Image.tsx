// One example's image, and the units that it was shown for.

import { shown } from "../data";
import { to } from "../route";
import { useAudit } from "../views/context";
import { DataTable } from "../views/DataTable";
import { Picture } from "../views/Picture";

export function ImageCard({ place }: { place: number }) {
  const audit = useAudit();
  const images = audit.images;
  if (!images || place >= images.examples.length) return <p>This page holds no image {place}.</p>;
  const table = audit.table("activation.examples")!;
  const rows = table.rows({ example: images.examples[place] });
  const label = images.labels[place];
  return (
    <section class="card">
      <h2>image {images.examples[place]} <small>of class <a href={to.class(label)}>{shown(audit.outline.classes[label] ?? null)}</a></small></h2>
      <p class="tools">
        {place > 0 && <a href={to.image(place - 1)} rel="prev">← previous</a>} {place + 1 < images.examples.length && <a href={to.image(place + 1)} rel="next">next →</a>}
      </p>
      <Picture place={place} size={196} />
      <h3>Units that it was shown for</h3>
      <DataTable table={table} rows={rows} />
    </section>
  );
}
