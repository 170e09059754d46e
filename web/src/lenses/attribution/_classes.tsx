// Pictures of each class, side by side, some classes at a time.

import type { ComponentChild } from "preact";
import { type Audit, type Cell, part, type Table } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { usePages } from "../../views/Pages";
import { Scrolled } from "../../views/Scrolled";
import { shown } from "../../wording";

const PAGE = 10;

/** A class's mean image, row by row. */
export function meanOf(audit: Audit, label: Cell) {
  const images = audit.array("attribution.class_images"),
    place = audit.outline.classes.indexOf(String(label));
  if (!images || place < 0) return undefined;
  const [, , width, planes = 1] = images.shape;
  return { values: part(images, place), width, planes };
}

/** What `cell` draws of each class under each of `heads`. */
export function Classes<T extends Cell>({
  table,
  caption,
  heads,
  word,
  cell,
}: {
  table: Table;
  caption: string;
  heads: readonly T[];
  word: (head: T) => string;
  cell: (label: Cell, head: T) => ComponentChild;
}) {
  const names = useAudit().outline.classes;
  const [classes, buttons] = usePages(table.distinct("class"), PAGE, "classes");
  return (
    <Frame caption={caption} table={table}>
      <p class="picks">{buttons}</p>
      <Scrolled way="sideways" label={`${table.info.title}: by class`}>
        <table class="maps">
          <thead>
            <tr>
              <th scope="col">class</th>
              {heads.map((head) => (
                <th scope="col" key={head}>
                  {word(head)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((label) => (
              <tr key={String(label)}>
                <th scope="row">
                  <a href={to.class(names.indexOf(String(label)))}>{shown(label)}</a>
                </th>
                {heads.map((head) => (
                  <td key={head} data-head={word(head)}>
                    {cell(label, head)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </Frame>
  );
}
