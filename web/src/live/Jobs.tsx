// Lenses that the audit lacks, and how far those are that were started.

import { useEffect, useState } from "preact/hooks";
import { to } from "../route";
import { useAudit } from "../views/context";
import { ask, type Job } from "./server";
import { watch } from "./watch";

interface State {
  jobs: Job[];
  missing: string[];
  needs: Record<string, string[]>;
  questions: Record<string, string>;
  other: string;
}

export function Jobs({ wanted }: { wanted: string }) {
  const { lenses } = useAudit().outline;
  const known = lenses.map((lens) => lens.name);
  const [state, setState] = useState<State>({
    jobs: [],
    missing: [],
    needs: {},
    questions: {},
    other: "",
  });
  const [trouble, setTrouble] = useState("");
  const look = () =>
    ask<State>("jobs", {}).then(
      (now) => {
        setState(now);
        setTrouble("");
      },
      (e: Error) => setTrouble(e.message),
    );
  const act = (question: string, asked: object) =>
    ask(question, asked).then(
      () => {
        setTrouble("");
        watch(known);
        return look();
      },
      (e: Error) => setTrouble(e.message),
    );
  const running = state.jobs.some((job) => job.state === "running");
  useEffect(() => {
    look();
    watch(known, 0);
  }, []);
  useEffect(() => {
    if (!running || trouble) return; // a server that is gone isn't asked again and again
    const timer = setInterval(look, 500);
    return () => clearInterval(timer);
  }, [running, trouble]);
  return (
    <section class="card">
      <h2>Jobs</h2>
      <p>
        {state.missing.length
          ? "Lenses that this audit lacks. A lens is written into the audit's folder when it is finished, and not before; it is in the navigation then."
          : "This audit has every lens."}
      </p>
      {wanted && known.includes(wanted) && (
        <p>
          This audit has <a href={to.lens(wanted)}>{wanted}</a> already.
        </p>
      )}
      {wanted &&
        state.missing.length > 0 &&
        !known.includes(wanted) &&
        !state.missing.includes(wanted) && (
          <p class="caveat" role="alert">
            There is no lens “{wanted.slice(0, 30)}”; run one of {state.missing.join(", ")}.
          </p>
        )}
      {state.other && (
        <p class="caveat">
          Version {state.other} made this audit; this is another one, whose numbers may differ in
          the last digits. `holistic run` with another folder makes a whole new audit.
        </p>
      )}
      <ul class="jobs">
        {[...state.missing]
          .sort((a, b) => Number(b === wanted) - Number(a === wanted))
          .map((lens) => {
            const lacks = state.needs[lens];
            return (
              <li key={lens}>
                <button
                  type="button"
                  class={lens === wanted ? "wanted" : ""}
                  disabled={running || Boolean(state.other) || lacks.length > 0}
                  onClick={() => act("start", { lens })}
                >
                  run {lens}
                </button>
                {lacks.length > 0
                  ? ` after ${lacks.join(", ")}, which it reads`
                  : ` ${state.questions[lens] ?? ""}`}
              </li>
            );
          })}
      </ul>
      <p class="sr" role="status">
        {state.jobs.map((job) => `${job.lens} ${job.state}`).join(", ")}
      </p>
      <ul>
        {[...state.jobs].reverse().map((job) => (
          <li key={job.id}>
            {job.lens}: {job.state}
            {job.error && `: ${job.error}`}{" "}
            {job.state === "running" && (
              <>
                <progress value={job.done} max={job.total} aria-label={job.task} /> {job.task}{" "}
                {job.done} of {job.total}{" "}
                <button type="button" onClick={() => act("cancel", { job: job.id })}>
                  cancel
                </button>
              </>
            )}
            {job.state === "done" && <a href={to.lens(job.lens)}>show it</a>}
          </li>
        ))}
      </ul>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}{" "}
          <button type="button" onClick={look}>
            ask again
          </button>
        </p>
      )}
    </section>
  );
}
