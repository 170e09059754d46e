// A part of the page whose lens this audit lacks leads to the job that runs it.

import { lensesOf, type Parts } from "../lenses/parts";
import { to } from "../route";
import { useAudit } from "../views/context";

/** Lenses that make a part, and that the audit lacks. */
export function useMissing(of: (own: Parts) => unknown): string[] {
  const { lenses } = useAudit().outline;
  return lensesOf(of).filter((name) => !lenses.some((lens) => lens.name === name));
}

/** Says what isn't here, and leads to the job that makes it; nothing where all is here. */
export function Missing({ what, of }: { what: string; of: (own: Parts) => unknown }) {
  const names = useMissing(of);
  if (!names.length) return null;
  return (
    <p class="caveat">
      {what} needs what the {names.length === 1 ? "lens" : "lenses"} {names.join(", ")} would find,
      and this audit lacks {names.length === 1 ? "it" : "them"}.{" "}
      {names.map((name) => (
        <a key={name} href={to.jobs(name)}>
          run {name}
        </a>
      ))}
    </p>
  );
}
