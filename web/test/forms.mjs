// Inputs that are no pictures are typed or drawn, and what the audit lacks leads to its job: `node test/forms.mjs ADDRESS KIND`.

import assert from "node:assert/strict";
import { opened } from "./page.mjs";

const [, , address, kind] = process.argv;
const { browser, page, complaints, settled, go, refused, inView, accessible } = await opened(
  address,
  { width: 1440, height: 900 },
);
const answer = () => page.locator(".predicted tbody").textContent();
const moves = async (act) => {
  await settled(() => document.querySelector(".predicted") && !document.querySelector(".late"));
  const before = await answer();
  await act();
  await settled((old) => {
    const now = document.querySelector(".predicted tbody")?.textContent;
    return now && now !== old && !document.querySelector(".late");
  }, before);
  await inView(".predicted tbody tr");
};

await go("#/draw");
await page.waitForSelector(".predicted");
if (kind === "table") {
  const age = page.getByLabel(/^age, from/);
  await moves(() => age.fill(String(2)));
  await page.waitForSelector("text=Grey: before.");
  const typed = page.getByLabel("age as a number");
  assert.equal(await typed.inputValue(), "2");
  for (const wrong of ["1e30", "-99", "NaN", "", "x"]) {
    await typed.fill(wrong);
    await refused(/^age is a number from −\d.* to \d/);
  }
  await moves(() => typed.fill("-1.5"));
  assert.equal(await page.locator("[role=alert]").count(), 0, "what is mended isn't refused");
  const smokes = page.getByLabel("smokes");
  const other = 1 - Number(await smokes.inputValue());
  await moves(() => smokes.selectOption({ index: other }));
  assert.ok((await page.locator(".map table").count()) >= 3, "a map of features is bars");
  await page.getByRole("combobox").first().fill("pressure");
  assert.match(await page.locator("#hit0").textContent(), /^feature pressure/);
  await page.keyboard.press("Escape");
}
if (kind === "texts") {
  await moves(() => page.getByLabel(/^A text of up to 8/).fill("the film was not good"));
  await page.waitForSelector("text=Read as: the film was not good");
  assert.ok((await page.locator(".view .tokens span[title^='without it']").count()) >= 5);
  for (const [wrong, why] of [
    ["", /a text needs one word or more, got none; type some/],
    ["the flim", /the vocabulary has no 'flim' \(did you mean 'film'\?\)/],
    ["the ".repeat(9), /a text has up to 8 tokens here, got 9; shorten it/],
  ]) {
    await page.getByLabel(/^A text of up to 8/).fill(wrong);
    await refused(why);
  }
  await page.getByLabel(/^A text of up to 8/).fill("the film was good");
  await settled(() => !document.querySelector(".late") && !document.querySelector("[role=alert]"));
}
if (kind === "series") {
  const plane = await page.locator(".series").boundingBox();
  await moves(async () => {
    await page.mouse.move(plane.x + 40, plane.y + 20);
    await page.mouse.down();
    await page.mouse.move(plane.x + 300, plane.y + 20, { steps: 8 });
    await page.mouse.up();
  });
  await page.getByLabel("its value").fill("1e30");
  await refused(/Step 0 of channel 0 is a number from/);
  await moves(() => page.getByLabel("its value").fill("0.9"));
}
await page.waitForSelector("text=Nearest evaluation examples");
await accessible();

// what was typed goes on to the two other views
await page.getByRole("link", { name: "steer it along a class" }).click();
await page.waitForSelector(".frames");
await moves(() => page.getByLabel("dose in standard deviations").fill("4"));
await go("#/patch");
await page.waitForSelector("text=/^Of \\d+ pairs/");
await page.waitForSelector(".predicted tbody tr");
await accessible();

// a small window keeps the answer in view
await page.setViewportSize({ width: 390, height: 844 });
await go("#/draw/7");
await page.waitForSelector(".predicted tbody tr");
await inView(".predicted tbody tr");
assert.ok(
  await page.evaluate(() => document.documentElement.scrollWidth <= document.body.clientWidth),
  "nothing lies beside the screen",
);
await accessible();
await page.setViewportSize({ width: 1440, height: 900 });

// parts that this audit lacks lead to their jobs
await go("#/live");
await page.waitForSelector("text=The playground needs what the lens");
assert.equal(
  await page.locator("nav a", { hasText: "tracing not run" }).getAttribute("href"),
  "#/jobs/tracing",
);
await page.getByRole("link", { name: /^run / }).first().click();
await page.waitForSelector("h2:has-text('Jobs')");
const [, wanted] = /jobs\/(\w+)/.exec(page.url());
assert.match(await page.locator(".jobs button").first().textContent(), new RegExp(wanted));
await go("#/class/0");
await page.waitForSelector("text=which would say more of it");
await go("#/jobs/nothing");
await refused(/There is no lens “nothing”; run one of/);
await accessible();

// a lens that was run is in the navigation at once: of the jobs' page, and of any other
if (kind === "table") {
  const nav = (lens) => page.locator("nav a", { hasText: new RegExp(`^${lens}$`) });
  await go(`#/jobs/${wanted}`);
  await page.getByRole("button", { name: `run ${wanted}` }).click();
  await inView("progress");
  await nav(wanted).waitFor({ timeout: 120000 });
  await go("#/live");
  await page.waitForSelector(".effect tbody tr");
  await go("#/jobs/tracing");
  await page.getByRole("button", { name: "run tracing" }).click();
  await go("#/draw");
  await nav("tracing").waitFor({ timeout: 120000 });
  await nav("tracing").click();
  await page.waitForSelector("#tracing h2");
  assert.equal(await page.locator("nav a", { hasText: "tracing not run" }).count(), 0);
}
assert.deepEqual(complaints, [], "the console is silent");
await browser.close();
console.log(`ok ${kind}`);
