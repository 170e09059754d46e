// What every walk through a served audit starts with: a browser, and questions to its page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

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

/** Open an address; `complaints` fills with what the console says, `asked` with the hosts that were asked. */
export async function opened(address, viewport) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: quiet,
  });
  const page = await (await browser.newContext({ viewport })).newPage();
  const complaints = [],
    asked = [];
  // Chromium itself tells of every request that was refused, as some here are meant to be
  const refusal = /status of 400/;
  page.on(
    "console",
    (m) => m.type() !== "log" && !refusal.test(m.text()) && complaints.push(m.text()),
  );
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => /^(data|blob):/.test(r.url()) || asked.push(new URL(r.url()).host));
  await page.goto(address);
  await page.waitForSelector("html.ready");
  const settled = (test, about) => page.waitForFunction(test, about, { timeout: 15000 });
  return {
    browser,
    page,
    complaints,
    asked,
    settled,
    go: (hash) =>
      page.evaluate((to) => {
        location.hash = to;
      }, hash),
    /** Wait for a line that refuses something in these words. */
    refused: (pattern) =>
      settled(
        (source) =>
          [...document.querySelectorAll("[role=alert]")].some((line) =>
            new RegExp(source).test(line.textContent),
          ),
        pattern.source,
      ),
    /** What comes of a click is on the screen, without scrolling. */
    inView: async (selector) => {
      const box = await page.locator(selector).first().boundingBox();
      const { width, height } = page.viewportSize();
      assert.ok(
        box && box.y >= -1 && box.y < height - 20 && box.x >= -1 && box.x < width,
        `${selector} is in view at ${width} × ${height}: ${JSON.stringify(box)}`,
      );
    },
    accessible: async () => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { resultTypes: ["violations"] }),
      );
      assert.deepEqual(
        violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`),
        [],
        "no barriers",
      );
    },
  };
}
