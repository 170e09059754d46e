// The page stands already, written in Python; this makes its pictures answer and gives it addresses.

import { type ComponentChild, type FunctionComponent, render } from "preact";
import "./theme.css";
import "./app.css";
import "./print.css";
import { ClassCard } from "./cards/Class";
import { ImageCard } from "./cards/Image";
import { UnitCard } from "./cards/Unit";
import { type Audit, read, type Table } from "./data";
import { own } from "./lenses";
import { mapOf } from "./lenses/parts";
import { parse, type Route, to, unescaped } from "./route";
import { Bar, type Page } from "./views/Bar";
import { AuditContext, RowsContext } from "./views/context";
import { FindingView } from "./views/Finding";
import { Network } from "./views/Network";

/** What a page that is served shows beside its own: views of more routes, all rows of its tables, and which lenses a card lacks. */
export interface Live {
  view(route: Route): ComponentChild;
  rows: FunctionComponent<{ table: Table }>;
  pages: Page[];
  lacking: FunctionComponent<{ kind: "unit" | "class" | "image" }>;
}

export type { Page };

let served: Live | null = null;

function put(audit: Audit, view: ComponentChild, place: Element): void {
  render(
    <AuditContext.Provider value={audit}>
      <RowsContext.Provider value={served?.rows ?? null}>{view}</RowsContext.Provider>
    </AuditContext.Provider>,
    place,
  );
}

function address(audit: Audit): Route {
  // A link to a part of the page as it was written: show the lens that holds it.
  const id = unescaped(location.hash.slice(1));
  const lens = audit.outline.lenses.find((l) => l.name === id || l.findings.includes(id));
  return lens
    ? { view: "lens", lens: lens.name, finding: lens.name === id ? undefined : id }
    : parse(location.hash);
}

const sections = () => document.querySelectorAll<HTMLElement>("main > section");

const articleOf = (lens: string, name: string) =>
  document.getElementById(name === lens ? `${name}-table` : name);

/** Take out the first rows of findings that live views show whole, of thousands of cells; what the columns mean stands with the evidence. */
function lighten(audit: Audit): void {
  for (const { name: lens, findings } of audit.outline.lenses) {
    for (const name of findings) {
      const article = audit.table(name) && articleOf(lens, name),
        rows = article?.querySelector("details.rows"),
        evidence = article?.querySelector("details.evidence");
      if (!rows || !evidence) continue;
      evidence.append(rows.querySelector("dl")!);
      rows.remove();
    }
  }
}

/** Put a live view where a finding's first rows stood. */
function enliven(audit: Audit, article: Element, name: string): void {
  const table = own[name]?.rowless ? audit.bare(name) : audit.table(name);
  if (!table || article.querySelector(".live")) return;
  const live = Object.assign(document.createElement("div"), { className: "live" });
  article.querySelector("details.evidence")!.before(live);
  if (!table.length) article.querySelector(":scope > .note")?.remove();
  put(audit, <FindingView table={table} />, live);
}

/** Note where the page stands, for the way back to it. */
let noting = 0;
function note(): void {
  clearTimeout(noting);
  noting = setTimeout(() => history.replaceState({ top: scrollY }, ""), 100);
}

/** The view before: another set of units in the playground leaves the page where it is. */
let last = "";

function show(audit: Audit): void {
  clearTimeout(noting); // where the page before stood isn't where this one does
  const route = address(audit);
  const known =
    route.view === "lens" && audit.outline.lenses.some((l) => l.name === route.lens)
      ? route.lens
      : "";
  const opening = route.view === "opening" || (route.view === "lens" && !known);
  const sought = opening ? ["findings", "provenance"] : [known];
  for (const part of sections()) part.hidden = !sought.includes(part.id);
  document.querySelectorAll("nav a").forEach((a) => {
    const here =
      a.getAttribute("href") === (opening ? "#/" : known ? to.lens(known) : `#/${route.view}`);
    if (here) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  });
  if (known) {
    for (const name of audit.outline.lenses.find((l) => l.name === known)!.findings) {
      const article = articleOf(known, name);
      if (article) enliven(audit, article, name);
    }
  }
  const units = mapOf(audit);
  const card =
    route.view === "unit" ? (
      <UnitCard key={`${route.site}/${route.unit}`} site={route.site} unit={route.unit} />
    ) : route.view === "class" ? (
      <ClassCard key={route.index} index={route.index} />
    ) : route.view === "image" ? (
      <ImageCard key={route.example} example={route.example} />
    ) : opening ? null : route.view === "lens" ? null : served ? (
      served.view(route)
    ) : (
      <p class="caveat">
        This is a report; the page that `holistic serve` opens has the model, too.
      </p>
    );
  const kind = route.view === "unit" || route.view === "class" || route.view === "image";
  const Lacking = served?.lacking;
  put(
    audit,
    <>
      {card}
      {kind && Lacking && <Lacking kind={route.view as "unit"} />}
    </>,
    document.getElementById("app")!,
  );
  put(audit, opening && units && <Network table={units} />, document.getElementById("map")!);
  const finding =
    route.view === "lens" && route.finding ? document.getElementById(route.finding) : null;
  if (typeof history.state?.top === "number")
    scrollTo({ top: history.state.top, behavior: "instant" });
  else if (finding) finding.scrollIntoView({ behavior: "instant" });
  else if (innerWidth <= 992 && !kind && card && last !== route.view)
    // a small screen has no room for the head of the page above what is done on it
    document.getElementById("app")!.scrollIntoView({ behavior: "instant" });
  else if (route.view !== "live" || last !== "live") scrollTo({ top: 0, behavior: "instant" });
  last = route.view;
}

function turn(e: KeyboardEvent): void {
  const typing = (e.target as HTMLElement).matches?.("input, select, textarea, canvas, .scroll");
  const side = e.key === "ArrowLeft" ? "prev" : e.key === "ArrowRight" ? "next" : "";
  if (side && !typing) document.querySelector<HTMLAnchorElement>(`#app a[rel=${side}]`)?.click();
}

/** Sentences beside the first ones, and their evidence: folded on a screen, whole on paper and without scripts. */
const folded = () => [
  ...document.querySelectorAll<HTMLDetailsElement>(".statements details, .evidence, .more"),
];

/** Paper is light, whatever the screen is, and nothing on it opens. */
function printLight(): void {
  const root = document.documentElement;
  let theme: string | undefined;
  const turn = (to?: string) => {
    if (to) root.dataset.theme = to;
    else delete root.dataset.theme;
    dispatchEvent(new Event("theme"));
  };
  let closed: HTMLDetailsElement[] = [];
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    turn("light");
    closed = folded().filter((d) => !d.open);
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    turn(theme);
    for (const details of closed) details.open = false;
  });
}

/** In a notebook's frame a link to a part of the page would lead to the notebook: follow it here. */
function follow(e: MouseEvent): void {
  const link = (e.target as Element).closest?.("a[href^='#']");
  if (!link || !location.href.startsWith("about:")) return;
  e.preventDefault();
  location.hash = link.getAttribute("href")!;
}

async function start(): Promise<void> {
  const audit = await read(document);
  const { lenses } = audit.outline;
  document.querySelectorAll("nav a, .statements a").forEach((a) => {
    const id = unescaped(a.getAttribute("href")!.slice(1));
    const lens = lenses.find((l) => l.name === id || l.findings.includes(id));
    if (id.startsWith("/")) return;
    if (id === "findings") a.setAttribute("href", "#/");
    else if (lens) a.setAttribute("href", lens.name === id ? to.lens(id) : to.lens(lens.name, id));
    else a.closest("li")?.remove();
  });
  for (const link of document.querySelectorAll<HTMLElement>("[data-card]"))
    link.setAttribute("href", link.dataset.card!);
  for (const details of folded()) details.open = false;
  const bar = document.querySelector("header")!.appendChild(document.createElement("div"));
  put(audit, <Bar pages={served?.pages} />, bar);
  lighten(audit);
  addEventListener("hashchange", () => show(audit));
  history.scrollRestoration = "manual";
  addEventListener("scroll", note, { passive: true });
  addEventListener("keydown", turn);
  addEventListener("click", follow);
  printLight();
  show(audit);
  document.documentElement.classList.add("ready");
}

/** Make the page answer. */
export function begin(live: Live | null = null): void {
  served = live;
  start().catch((error) => {
    // The page that Python wrote stays as it was: everything is in it but the live views.
    for (const part of sections()) part.hidden = false;
    console.error(error);
  });
}
