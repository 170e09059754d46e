// Lenses in the navigation: those that the audit lacks lead to their jobs. Watches a lens that runs, on whatever view the reader is: once it is saved, the navigation has it.

import { to } from "../route";
import { ask, type Job } from "./server";

let timer: ReturnType<typeof setTimeout> | undefined;

/** Put a link before those of what can be done here. */
function entered(link: HTMLAnchorElement): void {
  const item = document.createElement("li");
  item.append(link);
  document.querySelector("nav a[href='#/live']")?.closest("li")?.before(item);
}

/** The lenses that the audit lacks, each as a link to its job. */
export function absent(lenses: readonly string[]): void {
  for (const lens of lenses) {
    if (document.querySelector(`nav a[href="#${CSS.escape(lens)}"]`)) continue;
    const link = Object.assign(document.createElement("a"), { href: to.jobs(lens) });
    link.append(lens, Object.assign(document.createElement("small"), { textContent: " not run" }));
    entered(link);
  }
}

/** The lens's link in the navigation; following it loads the page anew, with what the lens found. */
function announce(lens: string): void {
  const list = document.querySelector("nav ol"),
    hash = to.lens(lens);
  if (!list || list.querySelector(`a[href="${hash}"]`)) return;
  const link = Object.assign(document.createElement("a"), { href: hash, textContent: lens });
  link.title = "added by a job";
  link.addEventListener("click", (e) => {
    e.preventDefault();
    e.stopPropagation();
    location.hash = hash;
    location.reload();
  });
  list
    .querySelector(`a[href="${to.jobs(lens)}"]`)
    ?.closest("li")
    ?.remove();
  entered(link);
}

/** Look until nothing runs; what was finished is announced, or shown at once where jobs are listed. */
export function watch(known: readonly string[], seconds = 1): void {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const jobs = await ask<{ jobs: Job[] }>("jobs", {}).then(
      (now) => now.jobs,
      () => null,
    );
    if (!jobs) return; // a server that is gone isn't asked again and again
    const added = jobs.filter((job) => job.state === "done" && !known.includes(job.lens));
    if (added.length && location.hash.startsWith("#/jobs")) return location.reload();
    for (const job of added) announce(job.lens);
    if (jobs.some((job) => job.state === "running")) watch(known, seconds);
  }, 1000 * seconds);
}
