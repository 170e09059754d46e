// How long do a report's frames take while somebody hovers, scrolls, steps and types? `node test/frames.mjs REPORT`; what is printed depends on the machine.

import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

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
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const start = Date.now();
await page.goto(String(pathToFileURL(process.argv[2])));
await page.waitForSelector("html.ready");
console.log(`ready after ${Date.now() - start} ms`);

async function frames(name, act) {
  await page.evaluate(() => {
    Object.assign(globalThis, { taken: [], going: true });
    let last = performance.now();
    const next = (now) => {
      taken.push(now - last);
      last = now;
      if (going) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  await act();
  const taken = await page.evaluate(() => {
    globalThis.going = false;
    return globalThis.taken.slice(1);
  });
  taken.sort((a, b) => a - b);
  const at = (share) => taken[Math.floor(share * (taken.length - 1))].toFixed(1);
  console.log(
    `${name}: ${taken.length} frames, median ${at(0.5)} ms, 95 % up to ${at(0.95)}, longest ${at(1)}`,
  );
}

const scroll = async () => {
  const high = await page.evaluate(() => document.body.scrollHeight);
  for (let i = 0; i < 120; i++) {
    await page.mouse.wheel(0, high / 120);
    await page.waitForTimeout(16);
  }
};
const map = await page.locator("#app canvas").first().boundingBox();
await frames("hovering over the map", async () => {
  for (let i = 0; i < 150; i++)
    await page.mouse.move(
      map.x + 5 + ((7 * i) % (map.width - 10)),
      map.y + 5 + ((3 * i) % (map.height - 10)),
    );
});
await frames("scrolling the opening", scroll);
const { lenses } = JSON.parse(await page.textContent("#outline"));
for (const { name } of lenses) {
  await page.evaluate((lens) => {
    location.hash = `#/lens/${lens}`;
  }, name);
  await page.waitForTimeout(500);
  await frames(`scrolling ${name}`, scroll);
}
await page.evaluate(() => {
  location.hash = "#/";
});
await page.locator("#app canvas").first().focus();
await frames("stepping through the map", async () => {
  for (let i = 0; i < 60; i++) await page.keyboard.press(i % 2 ? "ArrowRight" : "ArrowDown");
});
await frames("searching", () =>
  page.locator("input[type=search]").pressSequentially("unit 8123", { delay: 60 }),
);
await browser.close();
