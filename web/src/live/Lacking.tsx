// At the end of a card: lenses that would say more of it, and the jobs that run them.

import { lensesOf } from "../lenses/parts";
import { to } from "../route";
import { useAudit } from "../views/context";

export function Lacking({ kind }: { kind: "unit" | "class" | "image" }) {
  const { lenses } = useAudit().outline;
  const missing = lensesOf(
    (own) =>
      own[kind] ??
      (kind === "unit" ? (own.unitLines ?? own.relations ?? own.judged) : undefined) ??
      (kind === "class" ? own.classLines : undefined),
  ).filter((name) => !lenses.some((lens) => lens.name === name));
  if (!missing.length) return null;
  return (
    <p class="caveat">
      This audit lacks {missing.join(", ")}, which would say more of it:{" "}
      {missing.map((name) => (
        <>
          {" "}
          <a href={to.jobs(name)}>run {name}</a>
        </>
      ))}
    </p>
  );
}
