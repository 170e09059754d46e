// Opens a report in Chromium as a reader would: `node test/browser.mjs report.html [more.html]`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { promises } from "./promises.mjs";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: quiet,
});

async function opened(file, hash, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  const complaints = [],
    asked = [];
  page.on("console", (m) => m.type() !== "log" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("dialog", (d) => {
    complaints.push(`dialog: ${d.message()}`);
    return d.dismiss();
  });
  page.on("request", (r) => /^(data|blob):/.test(r.url()) || asked.push(r.url()));
  const start = Date.now();
  await page.goto(pathToFileURL(resolve(file)).href + hash);
  if (options.javaScriptEnabled !== false)
    await page.waitForSelector("html.ready", { timeout: 20000 });
  return { page, complaints, asked, ms: Date.now() - start };
}

async function settled(page, hash) {
  await page.evaluate((h) => {
    location.hash = h;
  }, hash);
  await page.waitForTimeout(250);
}

/** Serious findings of axe. The page's policy lets no script in but its own, so axe goes in by the debugger. */
async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  return violations.map(
    (v) =>
      `${v.impact} ${v.id}: ${v.nodes
        .slice(0, 2)
        .map((n) => n.html.slice(0, 140))
        .join(" | ")}`,
  );
}

/** Addresses of cards that this page has: a class's, its first image's, and a unit's of the last hidden site. */
async function cards(page, { sites, findings }) {
  const found = ["#/class/0"];
  await settled(page, found[0]);
  const [picture] = await page
    .locator("#app a.picture")
    .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  if (picture) found.push(picture);
  for (const i of sites.keys()) {
    await settled(page, `#/unit/${i}/0`);
    if (await page.locator("#app h2").count()) found[2] = `#/unit/${i}/0`;
  }
  assert.ok(!findings["ablation.units"] || found[2], "units have cards");
  return found.filter(Boolean);
}

async function reads(file) {
  const { page, complaints, asked, ms } = await opened(file, "#/");
  const outline = JSON.parse(await page.textContent("#outline"));
  const hashes = [
    "#/",
    ...outline.lenses.map((l) => `#/lens/${encodeURIComponent(l.name)}`),
    ...(await cards(page, outline)),
    "#/nowhere",
    "#ablation.units",
  ];
  await settled(page, "#/");
  const units = outline.findings["ablation.units"]
    ? await page.evaluate(() => document.querySelectorAll("#map canvas").length)
    : 1;
  assert.equal(units, 1, "the opening has the map of the network");
  for (const hash of hashes) {
    await settled(page, hash);
    assert.ok(
      await page.evaluate(() =>
        [...document.querySelectorAll("main h2")].some((h) => h.checkVisibility()),
      ),
      `${hash} shows something`,
    );
    assert.deepEqual(await barriers(page), [], `${hash} has no barriers`);
    const blank = await page.evaluate(() =>
      [...document.querySelectorAll("main > section:not([hidden]) article")]
        .filter(
          (a) =>
            a.querySelector(".live") &&
            !a.querySelector(
              ".live :is(canvas, svg, table, .tokens, .cases li), .live p:not(.tools, .picks)",
            ),
        )
        .map((a) => a.id),
    );
    assert.deepEqual(blank, [], `${hash} draws every finding`);
  }
  await graphs(page);
  assert.deepEqual(complaints, [], "the console is silent");
  assert.equal(asked.length, 1, "nothing is requested but the page");
  await opening(page);
  if (await page.locator(".panel .strip").count()) await promises(page, outline);
  await pages(page, outline);
  await keys(page);
  await images(page);
  await attributions(page, outline.findings);
  await responses(page, outline.findings);
  assert.deepEqual(complaints, [], "the console is silent");
  await page.emulateMedia({ colorScheme: "dark" });
  for (const hash of hashes) {
    await settled(page, hash);
    assert.deepEqual(await barriers(page), [], `${hash} has no barriers in the dark`);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
  return ms;
}

/** What a lens found is read in some minutes: a picture and a sentence each, everything else folded. */
async function pages(page, { lenses }) {
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const { name } of lenses) {
    await settled(page, `#/lens/${encodeURIComponent(name)}`);
    await page.waitForTimeout(400); // pictures are drawn after their places
    const words = await page.evaluate(() => {
      const count = (text) => text.match(/\S+/g)?.length ?? 0;
      const shown = [...document.querySelectorAll("main > section:not([hidden])")];
      const unseen = shown.flatMap((part) => [...part.querySelectorAll("option:not(:checked)")]);
      return (
        // biome-ignore lint/performance/useDomNodeTextContent: what is hidden isn't read
        count(shown.map((part) => part.innerText).join(" ")) -
        count(unseen.map((option) => option.textContent).join(" "))
      );
    });
    assert.ok(words <= 900, `${words} words on the page of ${name}`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** The first screen is read in thirty seconds: few words, and what stands there is in view. */
async function opening(page) {
  await page.setViewportSize({ width: 1440, height: 900 });
  await settled(page, "#/");
  const seen = await page.evaluate(() => {
    const parts = [...document.querySelectorAll("header, nav, .headline, .opening")];
    const lowest = Math.max(...parts.map((part) => part.getBoundingClientRect().bottom));
    return {
      words: parts
        // biome-ignore lint/performance/useDomNodeTextContent: what is hidden isn't read
        .map((part) => part.innerText)
        .join(" ")
        .match(/\S+/g).length,
      lowest,
    };
  });
  assert.ok(seen.words <= 250, `${seen.words} words on the first screen`);
  assert.ok(seen.lowest <= 900, `the first screen ends at ${seen.lowest} of 900 pixels`);
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `nothing leaves a narrow screen, ${wide} of 390 pixels`);
  await page.setViewportSize({ width: 1280, height: 900 });
}

async function keys(page) {
  await settled(page, "#/");
  const canvas = page.locator("#map canvas").first();
  await canvas.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.waitForTimeout(50);
  const told = await page.textContent("#map [role=status]");
  assert.match(told, /unit \d+.*effect/, "arrows tell of a unit");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(200);
  assert.match(page.url(), /#\/unit\/\d+\/\d+$/, "Enter opens its card");
  await page.goBack();
  await page.waitForTimeout(200);
  assert.match(page.url(), /#\/$/, "back leads back");
  await page.locator("h1").click();
  await page.keyboard.press("/");
  await page.keyboard.type("class");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  const second = await page.getAttribute("#hit1", "href");
  assert.equal(
    await page.getAttribute("input[type=search]", "aria-activedescendant"),
    "hit1",
    "arrows go through what is found",
  );
  await page.keyboard.press("Enter");
  await page.waitForTimeout(200);
  assert.ok(page.url().endsWith(second), "Enter opens what the arrows chose");
  await page.keyboard.press("/");
  await page.keyboard.type("class");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".hits").count(), 0, "Escape takes the words back");
  await page.keyboard.type("verdicts");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(200);
  assert.match(page.url(), /lens\/agreement/, "search opens what it finds");
  await page
    .locator("#app button, .live button", { hasText: /^table$/ })
    .locator("visible=true")
    .first()
    .click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("button", { hasText: "save CSV" }).locator("visible=true").first().click(),
  ]);
  assert.match(file.suggestedFilename(), /\.csv$/);
  // pictures on a canvas and tables are saved whole, with what stands around them
  const matrix = page.locator("[id='agreement.lenses'] button", { hasText: /^SVG$/ });
  if (await matrix.count()) {
    const [saved] = await Promise.all([page.waitForEvent("download"), matrix.first().click()]);
    assert.match(
      readFileSync(await saved.path(), "utf8"),
      /<image [^>]*data:image\/png.*full/,
      "a canvas and its caption",
    );
  }
  const scatter = page.locator("[id='agreement.units'] button", { hasText: /^SVG$/ });
  if (!(await scatter.count())) return;
  const [drawing] = await Promise.all([page.waitForEvent("download"), scatter.first().click()]);
  const text = readFileSync(await drawing.path(), "utf8");
  assert.match(
    text,
    /^<svg[^>]* width="[3-9]\d\d"/,
    "the chart is saved, not a sign of its legend",
  );
  assert.match(
    text,
    /Verdicts.*below 0: it loses.*verdict/s,
    "saved with its title and caption, a loss below zero",
  );
  assert.doesNotMatch(text, /var\(--/, "colours that every program knows");
}

/** Nodes of the graphs of units lead to their cards, and edges tell their numbers under the pointer. */
async function graphs(page) {
  for (const [lens, finding] of [
    ["mechanism", "mechanism.edges"],
    ["ablation", "ablation.interactions"],
  ]) {
    await settled(page, `#/lens/${lens}`);
    const graph = page.locator(`[id='${finding}'] svg[role=group]`).first();
    if (!(await graph.count())) continue;
    await graph.scrollIntoViewIfNeeded();
    await graph
      .locator("path")
      .first()
      .dispatchEvent("mousemove", { clientX: 200, clientY: 200, bubbles: true });
    assert.match(
      await page.locator(".tip").first().textContent(),
      /95 % interval/,
      `${finding}: an edge tells its interval`,
    );
    await page.locator(`[id='${finding}'] :is(svg[role=group] a, .node)`).first().click();
    await page.waitForTimeout(200);
    assert.match(page.url(), /#\/unit\/\d+\/\d+$/, `${finding}: a node opens its card`);
    const told = await page.locator("#app .card dl.lines").first().textContent();
    // the planted audit with hostile names says of no unit how it is needed
    if (/causal for|and selective for/.test(told) && !/onerror/.test(told))
      assert.match(
        told,
        /by class .+; how it needs it: (firing|silent|harmed); class that depends most: /,
        `${finding}: a verdict says how a class needs the unit, and which one most`,
      );
  }
}

/** A card tells of one image by maps, its way through the network and the units that decided it. */
async function images(page) {
  await settled(page, "#/class/0");
  if (!(await page.locator("#app .strip a.picture").count())) return;
  await page.locator("#app .strip a.picture").first().click();
  await page.waitForTimeout(200);
  if (!(await page.locator("text=Its way through the network").count())) return;
  const [maps, drawn] = await Promise.all(
    ["figure.map", "canvas.pixels"].map((what) => page.locator(`#app ${what}`).count()),
  );
  assert.ok(maps >= 4 || !drawn, "maps by every method, where inputs are drawn at all");
  assert.ok((await page.locator("#app svg[role=img]").count()) >= 1, "a curve over the sites");
  assert.ok((await page.locator("#app a[href^='#/unit/']").count()) >= 5, "units that decided it");
  assert.ok(
    await page.locator("#app figure:has(.bars) figcaption", { hasText: "Control" }).count(),
    "which can be saved, with their control",
  );
  assert.ok(
    await page.locator("#app figure.view:has(.map) figcaption", { hasText: "Control" }).count(),
    "as the maps can",
  );
  for (const [kind, ending] of [
    [/^PNG$/, /\.png$/],
    [/^SVG$/, /\.svg$/],
  ]) {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("#app button", { hasText: kind }).first().click(),
    ]);
    assert.match(file.suggestedFilename(), ending);
  }
}

/** In a notebook the page stands in a frame without an address of its own. */
async function framed(file) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (m) => m.type() !== "log" && complaints.push(m.text()));
  await page.setContent(
    '<iframe sandbox="allow-scripts allow-downloads allow-forms" width="900" height="700"></iframe>',
  );
  await page.evaluate(
    (text) => {
      document.querySelector("iframe").srcdoc = text;
    },
    readFileSync(file, "utf8"),
  );
  const frame = page.frameLocator("iframe");
  await frame.locator("html.ready").waitFor({ timeout: 20000 });
  await frame.locator("nav a", { hasText: "ablation" }).click();
  await frame.locator("section#ablation").waitFor({ state: "visible" });
  await frame.locator("input[type=search]").fill("verdicts");
  await page.keyboard.press("Enter");
  await frame.locator("section#agreement").waitFor({ state: "visible" });
  assert.deepEqual(complaints, []);
  await page.close();
}

/** Of a finding's view, what a selector finds. */
const within = (page, finding, selector) => page.locator(`[id="${finding}"] .live ${selector}`);

async function attributions(page, findings) {
  if (!findings["attribution.methods"]?.total) return;
  await settled(page, "#/lens/attribution");
  const gates = within(page, "attribution.methods", "canvas[role=application]");
  await gates.focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(50);
  assert.match(
    await within(page, "attribution.methods", "[role=status]").first().textContent(),
    /deletion AUC.*interval.*(passed|failed)/,
    "a gate tells its value, interval and outcome",
  );
  // a map is a picture, or bars beside the names of features
  const maps = within(page, "attribution.methods", "table.maps td :is(canvas.pixels, div[title])");
  assert.ok((await maps.count()) > 8, "maps are drawn");
  assert.equal(
    await within(page, "attribution.methods", ".plot[role=img], .plot svg[role=img]").count(),
    2,
    "both removal curves are drawn",
  );
  await within(page, "attribution.methods", "select").selectOption("1");
  assert.match(
    await maps.first().getAttribute("title"),
    /the mean over examples/,
    "the class's mean maps can be picked",
  );
  if (!findings["attribution.contrasts"]?.total) return;
  const contrast = within(page, "attribution.contrasts", "h4").first();
  const before = await contrast.textContent();
  assert.match(before, / rather than /);
  const [pictures, bars] = await Promise.all(
    ["canvas.pixels", "table.named"].map((what) =>
      within(page, "attribution.contrasts", what).count(),
    ),
  );
  // a series shows its contrast alone: two strips
  assert.ok([2, 4].includes(pictures) || bars === 2, "both contrasts are drawn");
  const pairs = within(page, "attribution.contrasts", "select");
  if (!(await pairs.count())) return; // of two classes there is one pair
  await pairs.selectOption("1");
  await page.waitForFunction(
    ([old]) => document.querySelector("[id='attribution.contrasts'] h4").textContent !== old,
    [before],
    { timeout: 5000 },
  );
}

/** Pictures of images and of weights are saved with what they show, and say what they lack. */
async function saved(page, finding) {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    within(page, finding, "button >> text=/^SVG$/").first().click(),
  ]);
  const text = readFileSync(await file.path(), "utf8");
  const least = Math.min(4, await within(page, finding, "canvas").count());
  assert.ok(text.split("<image").length > least, `${finding}: the saved figure holds its images`);
  assert.match(
    text,
    /interval/,
    `${finding}: the caption tells of an interval, or that there is none`,
  );
}

async function responses(page, findings) {
  const tables = [
    "activation.depth",
    "activation.concepts",
    "activation.tuning",
    "activation.visualisations",
  ].filter((name) => findings[name]?.total);
  if (!tables.length) return;
  await settled(page, "#/lens/activation");
  for (const name of tables)
    assert.ok(await within(page, name, ".plot, canvas.pixels").count(), `${name} is drawn`);
  if (await within(page, "activation.examples", "a.neuron").count()) {
    await saved(page, "activation.examples");
    const neuron = within(page, "activation.examples", "a.neuron").first();
    await within(page, "activation.examples", "summary >> text=each unit's largest").click();
    await within(page, "activation.examples", ".wallrow a.picture").first().waitFor();
    const address = await neuron.getAttribute("href");
    await neuron.click();
    await page.waitForTimeout(200);
    assert.ok(page.url().endsWith(address), "a neuron of the wall opens its card");
    await settled(page, "#/lens/activation");
  }
  if (!findings["activation.visualisations"]?.total) return;
  await saved(page, "activation.visualisations");
  assert.match(
    await within(page, "activation.visualisations", "canvas").first().getAttribute("aria-label"),
    /made by gradient ascent, not data, (activation|value)/,
  );
  const tile = within(page, "activation.tuning", "svg.tile").first(),
    told = await tile.getAttribute("aria-label");
  assert.match(
    told,
    /unit \d+.*tuning.*control.*prefers/,
    "a curve tells its tuning and the control",
  );
  await within(page, "activation.tuning", "select").last().selectOption("1");
  assert.notEqual(
    await tile.getAttribute("aria-label"),
    told,
    "units can be sorted by another number",
  );
  await within(page, "activation.visualisations", ".wallrow a").first().click();
  await page.waitForTimeout(200);
  assert.ok(
    await page.locator("#app h3", { hasText: "Feature visualisations" }).count(),
    "the unit's card has its feature visualisations",
  );
}

async function readsWithoutScripts(file) {
  const { page, complaints } = await opened(file, "", { javaScriptEnabled: false });
  assert.ok((await page.locator("main > section").count()) > 2);
  assert.ok((await page.locator("main > section table").count()) > 2);
  assert.deepEqual(
    complaints.filter((c) => !/script/i.test(c)),
    [],
  );
  await page.context().close();
}

async function fitsAPhone(file) {
  const { page } = await opened(file, "#/", { viewport: { width: 390, height: 800 } });
  const outline = JSON.parse(await page.textContent("#outline"));
  for (const hash of [
    "#/",
    ...outline.lenses.map((l) => `#/lens/${encodeURIComponent(l.name)}`),
    ...(await cards(page, outline)),
  ]) {
    await settled(page, hash);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 1, `${hash} is ${over} px wider than a phone`);
    const lost = await page.evaluate(() =>
      [...document.querySelectorAll(".wide, .scroll, .sideways")]
        .filter((e) => e.checkVisibility() && e.querySelector("table"))
        .filter((e) => e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.closest("article, section")?.id),
    );
    assert.deepEqual(lost, [], `${hash}: tables keep their columns on a phone`);
  }
  await page.context().close();
}

let failed = 0;
for (const file of process.argv.slice(2)) {
  for (const check of [reads, readsWithoutScripts, fitsAPhone, framed]) {
    try {
      const ms = await check(file);
      console.log(`ok ${check.name} ${file}${ms ? ` (ready after ${ms} ms)` : ""}`);
    } catch (error) {
      failed++;
      console.log(`FAILED ${check.name} ${file}: ${error.message}`);
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
