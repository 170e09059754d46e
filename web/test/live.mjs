// Walks a newcomer's path through a served audit: `node test/live.mjs ADDRESS [SCREENSHOT]`.

import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [, , address, picture] = process.argv;
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const page = await (await browser.newContext({ viewport: { width: 1200, height: 1400 } })).newPage();
const complaints = [], asked = [];
page.on("console", (m) => m.type() !== "log" && complaints.push(m.text()));
page.on("pageerror", (e) => complaints.push(String(e)));
page.on("request", (r) => /^(data|blob):/.test(r.url()) || asked.push(new URL(r.url()).host));

const settled = (test, ...rest) => page.waitForFunction(test, ...rest, { timeout: 20000 });
const accuracy = async (name) => parseFloat(await page.locator(".bars tbody tr", { has: page.locator("th", { hasText: new RegExp(`^${name}$`) }) }).locator("td strong").textContent());

// open: the token leaves the address at once
await page.goto(address);
await page.waitForSelector("html.ready");
assert.doesNotMatch(page.url(), /token/);

// find: class 7 and the unit that it needs most
await page.evaluate(() => { location.hash = "#/"; });
await page.keyboard.press("/");
await page.keyboard.type("class 7");
await page.keyboard.press("Enter");
await page.waitForSelector("text=The units that it needs most");
const words = await page.locator("#app ol a").first().textContent();
const [, site, unit] = /^(.*) unit (\d+)$/.exec(words);
await page.locator("#app ol a").first().click();
await page.waitForSelector(`h2:has-text("unit ${unit}")`);

// ablate it, and see the accuracy
await page.evaluate(() => { location.hash = "#/live"; });
await page.waitForSelector(".bars tbody tr");
const intact = await accuracy("7");
await page.getByLabel("coloured by the effect on class").selectOption({ label: "7" });
const start = Date.now();
await page.getByRole("button", { name: new RegExp(`of ${site.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")} that it needs most`) }).click();
await settled(() => /^10 units removed/.test(document.querySelector(".card .tools").textContent) && document.querySelector(".card h3")?.textContent.startsWith("Predictions that change"));
console.log(`new bars ${Date.now() - start} ms after the click, the browser's driver counted`);
await settled(() => [...document.querySelectorAll(".bars tbody tr")].every((row) => /\(20\)/.test(row.textContent)));
const without = await accuracy("7");
console.log(`class 7 without the 10 units of ${site} that it needs most: ${intact} % -> ${without} %`);
assert.ok(without < intact - 1, "the accuracy falls");

// a cell of the map by keyboard: one more unit
const map = page.locator(".card canvas").first();
await map.focus();
await page.keyboard.press("ArrowRight");
await page.keyboard.press("Enter");
await settled(() => /^(9|11) units removed/.test(document.querySelector(".card .tools").textContent));
await page.getByRole("button", { name: "undo" }).click();
await settled(() => /^10 units removed/.test(document.querySelector(".card .tools").textContent));

// keep it under a hostile name; the name stays text
await page.getByLabel("name", { exact: true }).fill("<img src=x onerror=document.title='run'>");
await page.getByRole("button", { name: "keep this set" }).click();
await page.waitForSelector("text=kept in the audit's folder");
assert.doesNotMatch(await page.title(), /^run/);

// the pictures of what changed
await page.waitForSelector(".change canvas");
await page.evaluate(axe);
const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`), [], "no barriers");
if (picture) await page.screenshot({ path: picture });

// the link opens the same set in another window of the session
const shared = page.url();
await page.goto("about:blank");
await page.goto(shared);
await settled(() => /^10 units removed/.test(document.querySelector(".card .tools")?.textContent ?? ""));

assert.deepEqual(complaints, [], "the console is silent");
assert.deepEqual([...new Set(asked)], [new URL(address).host], "nothing else is asked");
await browser.close();
console.log("ok the newcomer's path");
