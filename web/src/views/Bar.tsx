// Search over units, classes, sites, findings and statements; and the choice of light or dark.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Audit } from "../data";
import { type Hit, parts, unitTable } from "../lenses/parts";
import { go, to } from "../route";
import { layer, shown } from "../wording";
import { useAudit } from "./context";
import { unitsOf } from "./Network";

/** A page that more can be done on than looked at, and other words that it is looked for by. */
export interface Page extends Hit {
  also: string;
}

/** What the words may mean: a class of just this name first, then a unit as `site unit`, an image, a class, a site by its name or operation, a lens, or a sentence that holds them. */
export function search(audit: Audit, words: string, pages: Page[] = [], most = 12): Hit[] {
  const asked = words.trim().toLowerCase();
  if (!asked) return [];
  const { classes, lenses, findings } = audit.outline;
  const named = (i: number): Hit => ({ words: `class ${classes[i]}`, hash: to.class(i) });
  const exact = (name: string) =>
    [name, `class ${name}`].some((phrase) => phrase.toLowerCase() === asked);
  const hits = [...classes.keys()].filter((i) => exact(classes[i])).map(named);
  const units = unitTable(audit);
  const sizes = units && unitsOf(audit, units);
  const places = sitesOf(audit, asked, sizes),
    // a name that holds all that was typed is meant before a unit of its last digits
    lettered = /[a-z]/.test(asked);
  hits.push(...(lettered ? places : []), ...ofUnit(audit, asked, sizes));
  hits.push(...parts.flatMap((own) => own.hits?.(audit, asked) ?? []));
  const image = asked.match(/^(?:image|example|text|series)?\s*#?(\d+)$/);
  if (image && audit.images?.examples.includes(Number(image[1])))
    hits.push({
      words: `${audit.inputs.example} ${image[1]}`,
      hash: to.image(Number(image[1])),
    });
  hits.push(...pages.filter((page) => lettered && beginsWith(`${page.words} ${page.also}`, asked)));
  hits.push(...featuresOf(audit, asked, pages));
  classes.forEach((name, i) => {
    if (!exact(name) && `class ${name}`.toLowerCase().includes(asked)) hits.push(named(i));
  });
  if (!lettered) hits.push(...places);
  for (const lens of lenses) {
    if (`${lens.name} ${lens.question}`.toLowerCase().includes(asked))
      hits.push({
        words: lens.question ? `${lens.name}: ${lens.question}` : lens.name,
        hash: to.lens(lens.name),
      });
    for (const name of lens.findings) {
      const info = findings[name];
      const sentence =
        !/^\d+$/.test(asked) && info.statements.find((s) => s.toLowerCase().includes(asked));
      if (`${name} ${info.title}`.toLowerCase().includes(asked))
        hits.push({ words: `${lens.name}: ${info.title}`, hash: to.lens(lens.name, name) });
      else if (sentence) hits.push({ words: sentence, hash: to.lens(lens.name, name) });
    }
  }
  return hits.slice(0, most);
}

/** Whether each word that was typed begins one of these. */
const beginsWith = (words: string, asked: string) => {
  const all = words.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return asked.split(/\s+/).every((word) => all.some((one) => one.startsWith(word)));
};

/** Features of a table by their names: to its form where there is one, else to what the lenses found. */
function featuresOf(audit: Audit, asked: string, pages: Page[]): Hit[] {
  const form = pages.find((page) => page.hash === to.draw());
  return audit.inputs.features
    .filter(
      (name) => beginsWith(`feature input ${name}`, asked) && !/^(feature|input)s?$/.test(asked),
    )
    .map((name) => ({
      words: form ? `feature ${name}: change it and ask the model` : `feature ${name}`,
      hash: form ? form.hash : "#/",
    }));
}

type Sizes = Map<string, number> | undefined;

/** Sites whose name, key or operation holds the words. */
function sitesOf(audit: Audit, asked: string, sizes: Sizes): Hit[] {
  const { sites, keys } = audit.outline,
    about = audit.table("sites");
  return sites.flatMap((site, i) => {
    const [row] = about?.rows({ site }) ?? [],
      op = row === undefined ? "" : shown(about!.cell(row, "op")),
      size = sizes?.get(site);
    if (!`site ${site} ${keys?.[i] ?? ""} ${op}`.toLowerCase().includes(asked)) return [];
    const more = `${op && !site.includes(op) ? ` (${op})` : ""}${size ? `: ${size} units` : ""}`;
    return [{ words: `site ${site}${more}`, hash: size ? to.unit(i, 0) : to.lens("sites") }];
  });
}

/** A unit as `conv2 17`, `L2·17` or `neuron 17`. */
function ofUnit(audit: Audit, asked: string, sizes: Sizes): Hit[] {
  const { sites, keys } = audit.outline,
    unit = asked.match(/^(.*?)[\s.:/#·]*(\d+)$/);
  if (!unit) return [];
  const place = unit[1].replace(/\b(site|layer|unit|units|neuron|of)\b/g, "").trim(),
    number = Number(unit[2]);
  return sites.flatMap((site, i) => {
    const known = !sizes || number < (sizes.get(site) ?? 0);
    // a layer is meant whole: L1 is no part of L10
    const here = /^l\d+$/.test(place)
      ? layer(site).toLowerCase() === place
      : `${site} ${keys?.[i] ?? ""}`.toLowerCase().includes(place);
    if (!known || !here) return [];
    return [
      { words: `${layer(site)}·${number} · unit ${number} of ${site}`, hash: to.unit(i, number) },
    ];
  });
}

export function Bar({ pages }: { pages?: Page[] }) {
  const audit = useAudit();
  const box = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const hits = useMemo(() => search(audit, words, pages), [audit, words, pages]);
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
  const ask = (typed: string) => {
    setWords(typed);
    setAt(0);
  };
  const open = (hit?: Hit) => {
    if (!hit) return;
    ask("");
    box.current!.blur();
    go(hit.hash);
  };
  useEffect(() => document.getElementById(`hit${at}`)?.scrollIntoView({ block: "nearest" }), [at]);
  const move = (e: KeyboardEvent) => {
    const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? hits.length - 1 : 0;
    if (e.key === "Escape") words ? ask("") : box.current!.blur();
    if (!step || !hits.length) return;
    e.preventDefault();
    setAt((at + step) % hits.length);
  };
  const theme = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    dispatchEvent(new Event("theme"));
  };
  return (
    <div class="bar">
      <search>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            open(hits[at]);
          }}
        >
          <input
            ref={box}
            type="search"
            // biome-ignore lint/a11y/noRedundantRoles: without a list of its own it is a searchbox
            role="combobox"
            list={undefined}
            autocomplete="off"
            aria-expanded={hits.length > 0}
            aria-controls="hits"
            aria-activedescendant={hits.length ? `hit${at}` : undefined}
            aria-label="Search units, classes, images, sites and findings"
            placeholder="search ( / )"
            value={words}
            onInput={(e) => ask(e.currentTarget.value)}
            onKeyDown={move}
          />
          {words.trim() && !hits.length && (
            <p class="hits" role="status">
              nothing is called “{words.trim().slice(0, 40)}”: units are found as “L2 17” or “neuron
              17”, clusters as “cluster C”, classes, features and findings by their words, images of
              this page by their number
            </p>
          )}
          {hits.length > 0 && (
            <div id="hits" class="hits" role="listbox" aria-label="found">
              {hits.map((hit, i) => (
                <a
                  key={i}
                  id={`hit${i}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={i === at}
                  href={hit.hash}
                  onClick={() => ask("")}
                >
                  {hit.words}
                </a>
              ))}
            </div>
          )}
        </form>
      </search>
      <button type="button" onClick={theme}>
        light / dark
      </button>
    </div>
  );
}
