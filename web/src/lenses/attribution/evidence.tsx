// Where in the input does erasing, or adding ink, change the decision?

import { part } from "../../data";
import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { usePages } from "../../views/Pages";
import { Pixels } from "../../views/Pixels";
import { Scrolled } from "../../views/Scrolled";
import { shown } from "../../wording";
import type { View } from "..";
import { heat } from "../make";
import { EvidenceMap, kindsOf, WORDS } from "./_evidence";

const PAGE = 10;

const Named = heat({ filters: ["kind"], rows: "part", across: "class", values: ["effect"] });

/** Windows of a picture lie where they are in it; features and steps go by their names. */
const Evidence: View = ({ table }) =>
  table.distinct("part").some((part) => part !== "") ? (
    <Named table={table} />
  ) : (
    <OnPictures table={table} />
  );

const OnPictures: View = ({ table }) => {
  const audit = useAudit(),
    images = audit.array("attribution.class_images"),
    kinds = kindsOf(table);
  const [classes, buttons] = usePages(table.distinct("class"), PAGE, "classes");
  const image = (label: (typeof classes)[number]) => {
    const place = audit.outline.classes.indexOf(String(label));
    return (
      images &&
      place >= 0 && (
        <Pixels
          values={part(images, place)}
          width={images.shape[2]}
          planes={images.shape[3]}
          size={72}
          label={`mean image of class ${shown(label)}`}
        />
      )
    );
  };
  return (
    <Frame
      caption="Change of the class's score where a window is erased or filled: orange where it costs the class, blue where it gains, each map on its own scale, laid over a typical image of the class. The control is a randomly initialised network."
      table={table}
    >
      <p class="picks">{buttons}</p>
      <Scrolled way="sideways" label="Maps of evidence by class">
        <table class="maps">
          <thead>
            <tr>
              <th scope="col">class</th>
              {images && <th scope="col">mean image</th>}
              {kinds.map((kind) => (
                <th scope="col" key={kind}>
                  {WORDS[kind] ?? kind}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((label) => (
              <tr key={String(label)}>
                <th scope="row">
                  <a href={to.class(audit.outline.classes.indexOf(String(label)))}>
                    {shown(label)}
                  </a>
                </th>
                {images && <td>{image(label)}</td>}
                {kinds.map((kind) => (
                  <td key={kind} data-head={WORDS[kind] ?? kind}>
                    <EvidenceMap table={table} label={label} kind={kind} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </Frame>
  );
};

export default Evidence;
