// Film strips: evaluation examples in order along the direction of each class.

import { to } from "../../route";
import { useAudit } from "../../views/context";
import { Frame } from "../../views/Frame";
import { usePages } from "../../views/Pages";
import { Picture } from "../../views/Picture";

const [PAGE, FRAME] = [10, 36];

export function Strips({ site }: { site: string }) {
  const audit = useAudit(),
    { classes } = audit.outline;
  const strips = audit.array("tracing.strips");
  const [, steps] = strips?.shape ?? [0, 0];
  // texts are read, not glanced at: the ends and the middle are enough
  const every = audit.inputs.kind === "tokens" ? Math.max(1, (steps - 1) / 2) : 1;
  const of = (label: number) =>
    [...(strips?.values.subarray(label * steps, (label + 1) * steps) ?? [])].filter(
      (_, i) => i % every === 0,
    );
  const filmed = classes.map((_, i) => i).filter((i) => of(i).every((e) => e >= 0));
  const [some, buttons] = usePages(filmed, PAGE, "classes");
  if (!strips || !audit.images || !filmed.length) return null;
  return (
    <Frame
      name={`film strips ${site}`}
      caption={`Evaluation examples at equal steps of rank along the class mean difference of each class at ${site}, from the least to the most. They show what the direction orders and are chosen by nothing else; how well it tells the class stands below, beside random directions.`}
    >
      {filmed.length > some.length && <p class="picks">{buttons}</p>}
      <div class="films">
        {some.map((label) => (
          <div class="film" key={label}>
            <a href={to.class(label)}>{classes[label]}</a>
            <span class="strip">
              {of(label).map((example, i) => {
                const place = audit.images!.examples.indexOf(example);
                return place < 0 ? null : <Picture key={i} place={place} size={FRAME} />;
              })}
            </span>
          </div>
        ))}
        <p class="axis">least ← along the direction → most</p>
      </div>
    </Frame>
  );
}
