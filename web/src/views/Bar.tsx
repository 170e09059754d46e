// Search over units, classes, findings and statements; and the choice of light or dark.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Audit } from "../data";
import { go, to } from "../route";
import { useAudit } from "./context";
import { unitsOf } from "./Network";

export interface Hit { words: string; hash: string }

/** What the words may mean: a unit as `site unit`, a class, a lens, or a sentence that holds them. */
export function search(audit: Audit, words: string, most = 12): Hit[] {
  const asked = words.trim().toLowerCase();
  if (!asked) return [];
  const { sites, classes, lenses, findings } = audit.outline;
  const hits: Hit[] = [];
  const unit = asked.match(/^(.*?)[\s.:/#]*(\d+)$/);
  if (unit) {
    const units = audit.table("ablation.units") ?? audit.table("activation.units");
    const sizes = units && unitsOf(audit, units);
    sites.forEach((site, i) => {
      const known = !sizes || Number(unit[2]) < (sizes.get(site) ?? 0);
      if (known && site.toLowerCase().includes(unit[1].replace(/\b(site|unit|of)\b/g, "").trim())) hits.push({ words: `${site} · unit ${unit[2]}`, hash: to.unit(i, Number(unit[2])) });
    });
  }
  const image = asked.match(/^(?:image|example)?\s*#?(\d+)$/);
  if (image && audit.images?.examples.includes(Number(image[1]))) hits.push({ words: `image ${image[1]}`, hash: to.image(Number(image[1])) });
  classes.forEach((name, i) => `class ${name}`.toLowerCase().includes(asked) && hits.push({ words: `class ${name}`, hash: to.class(i) }));
  for (const lens of lenses) {
    if (lens.name.includes(asked)) hits.push({ words: lens.name, hash: to.lens(lens.name) });
    for (const name of lens.findings) {
      const told = findings[name];
      const sentence = told.statements.find((s) => s.toLowerCase().includes(asked));
      if (`${name} ${told.title}`.toLowerCase().includes(asked)) hits.push({ words: `${lens.name}: ${told.title}`, hash: to.lens(lens.name, name) });
      else if (sentence) hits.push({ words: sentence, hash: to.lens(lens.name, name) });
    }
  }
  return hits.slice(0, most);
}

export function Bar() {
  const audit = useAudit();
  const box = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState("");
  const hits = useMemo(() => search(audit, words), [audit, words]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const typing = (e.target as HTMLElement).matches?.("input, select, textarea");
      if (e.key === "/" && !typing) {
        e.preventDefault();
        box.current!.focus();
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const open = (hit?: Hit) => {
    if (!hit) return;
    setWords("");
    box.current!.blur();
    go(hit.hash);
  };
  const move = (e: KeyboardEvent) => {
    if (e.key === "Escape") setWords("");
    if (e.key === "ArrowDown") (document.querySelector(".hits a") as HTMLElement | null)?.focus();
  };
  const theme = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    dispatchEvent(new Event("theme"));
  };
  return (
    <div class="bar">
      <form role="search" onSubmit={(e) => (e.preventDefault(), open(hits[0]))}>
        <input ref={box} type="search" aria-label="Search units, classes, images and findings" placeholder="search ( / )" value={words} onInput={(e) => setWords(e.currentTarget.value)} onKeyDown={move} />
        {words.trim() && !hits.length && <p class="hits" role="status">nothing is called so; units are found as “site unit”, images of this page by their number</p>}
        {hits.length > 0 && <ul class="hits">{hits.map((hit, i) => <li key={i}><a href={hit.hash} onClick={() => setWords("")}>{hit.words}</a></li>)}</ul>}
      </form>
      <button onClick={theme}>light / dark</button>
    </div>
  );
}
