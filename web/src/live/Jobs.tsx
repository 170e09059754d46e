// Lenses that the audit lacks, and how far those are that were started.

import { useEffect, useState } from "preact/hooks";
import { ask, type Job } from "./server";

export function Jobs() {
  const [state, setState] = useState<{
    jobs: Job[];
    missing: string[];
    needs: Record<string, string[]>;
    other: string;
  }>({ jobs: [], missing: [], needs: {}, other: "" });
  const [trouble, setTrouble] = useState("");
  const look = () =>
    ask<typeof state>("jobs", {}).then(
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
        return look();
      },
      (e: Error) => setTrouble(e.message),
    );
  const running = state.jobs.some((job) => job.state === "running");
  useEffect(() => void look(), []);
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
          ? "Lenses that this audit lacks. A lens is written into the audit's folder when it is finished, and not before."
          : "This audit has every lens."}
      </p>
      {state.other && (
        <p class="caveat">
          Version {state.other} made this audit; this is another one, whose numbers may differ in
          the last digits. `holistic run` with another folder makes a whole new audit.
        </p>
      )}
      <p class="tools">
        {state.missing.map((lens) => (
          <span key={lens}>
            <button
              type="button"
              disabled={running || Boolean(state.other) || state.needs[lens].length > 0}
              onClick={() => act("start", { lens })}
            >
              run {lens}
            </button>
            {state.needs[lens].length > 0 && ` needs ${state.needs[lens].join(", ")}`}
          </span>
        ))}
      </p>
      <p class="sr" role="status">
        {state.jobs.map((job) => `${job.lens} ${job.state}`).join(", ")}
      </p>
      <ul>
        {state.jobs.map((job) => (
          <li key={job.id}>
            {job.lens}: {job.state}
            {job.error && `: ${job.error}`}{" "}
            {job.state === "running" && (
              <>
                <progress value={job.done} max={job.total} aria-label={job.task} /> {job.task}{" "}
                {job.done} of {job.total}{" "}
              </>
            )}
            {job.state === "running" && (
              <button type="button" onClick={() => act("cancel", { job: job.id })}>
                cancel
              </button>
            )}
            {job.state === "done" && (
              <a
                href="/"
                onClick={(e) => {
                  e.preventDefault();
                  location.reload();
                }}
              >
                show it
              </a>
            )}
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
