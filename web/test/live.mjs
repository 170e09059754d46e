// Walks a newcomer's path through a served audit: `node test/live.mjs ADDRESS [SCREENSHOT]`.

import assert from "node:assert/strict";
import { opened } from "./page.mjs";

const [, , address, picture] = process.argv;
const { browser, page, complaints, asked, settled, go, refused, inView, accessible } = await opened(
  address,
  { width: 1200, height: 1400 },
);
const accuracy = async (name) =>
  parseFloat(
    await page
      .locator(".effect tbody tr", {
        has: page.locator("th", { hasText: new RegExp(`^${name}$`) }),
      })
      .locator("td strong")
      .textContent(),
  );

// open: the token leaves the address at once
assert.doesNotMatch(page.url(), /token/);

// find: class 7 and the unit that it needs most
await page.evaluate(() => {
  location.hash = "#/";
});
await page.keyboard.press("/");
await page.keyboard.type("class 7");
await page.keyboard.press("Enter");
await page.waitForSelector("text=The units that it needs most");
const words = await page.locator("#app ol a").first().textContent();
const [, unit, site] = /^unit (\d+) of (.*)$/.exec(words);
await page.locator("#app ol a").first().click();
await page.waitForSelector(`h2:has-text("unit ${unit}")`);

// its images, one by one and back
await page.locator(".examples a.picture").first().click();
await page.waitForSelector("h2:has-text('image')");
await page.goBack();
await page.waitForSelector(`h2:has-text("unit ${unit}")`);

// ablate it by the card's link: the accuracy falls, and the lost image leads to the model's answer
await page.getByRole("link", { name: "remove it in the playground" }).click();
await page.waitForSelector(".effect tbody tr");
await settled(
  () =>
    /^1 units? removed/.test(document.querySelector(".chosen")?.textContent) &&
    !document.querySelector(".effect caption")?.textContent.includes("part of") &&
    document.querySelector(".change canvas"),
);
const row7 = page.locator(".effect tbody tr", { has: page.locator("th", { hasText: /^7$/ }) });
const [whole7, cut7] = [
  parseFloat(await row7.locator("td").nth(1).textContent()),
  await accuracy("7"),
];
console.log(`class 7 without unit ${unit} of ${site}: ${whole7} % -> ${cut7} %`);
assert.ok(cut7 < whole7, "the accuracy falls");
const lost = page.locator("a.change", { hasText: /^7 →/ }).first(),
  [, example] = /example (\d+) of class 7/.exec(await lost.getAttribute("title"));
await lost.click();
await page.waitForSelector(`h2:has-text("Example ${example}")`);
await page.waitForSelector("text=of class 7, evaluation split");
await page.waitForSelector("text=Nearest evaluation examples");
await page.goBack();

// all that the class needs most
await page.waitForSelector(".effect tbody tr");
await page.getByRole("button", { name: "remove none" }).click();
await settled(
  () =>
    /^0 units removed/.test(document.querySelector(".chosen")?.textContent) &&
    !document.querySelector(".late"),
);
const intact = await accuracy("7");
await page.getByLabel("coloured by the effect on class").selectOption({ label: "7" });
const start = Date.now();
await page
  .getByRole("button", {
    name: new RegExp(`of ${site.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")} that it needs most`),
  })
  .click();
await settled(
  () =>
    /^10 units removed/.test(document.querySelector(".chosen")?.textContent) &&
    [...document.querySelectorAll(".card h3")].some((h) =>
      h.textContent.startsWith("Predictions that change"),
    ),
);
console.log(`new bars ${Date.now() - start} ms after the click, the browser's driver counted`);
// the last of the answers has 200 random sets beside it; nothing on the page moves after it
const answered = () =>
  settled(
    () =>
      /beside 200 random sets/.test(document.querySelector(".effect caption")?.textContent) &&
      !document.querySelector(".late") &&
      document.querySelector(".change canvas"),
  );
await answered();
const without = await accuracy("7");
console.log(
  `class 7 without the 10 units of ${site} that it needs most: ${intact} % -> ${without} %`,
);
assert.ok(without < intact - 1, "the accuracy falls");

// where one class loses far more than the others, a closer axis shows theirs, and says that it cuts bars
const nearer = page.getByRole("button", { name: /^closer: ±[\d.]+ points$/ });
if (await nearer.count()) {
  await nearer.click();
  await page.waitForSelector(".difference em");
  await page.getByRole("button", { name: "the whole axis" }).click();
  assert.equal(await page.locator(".difference em").count(), 0);
}

// a cell of the map by keyboard: one more unit
const map = page.locator(".card canvas").first();
await map.focus();
await page.keyboard.press("ArrowRight");
await page.keyboard.press("Enter");
await settled(() => /^(9|11) units removed/.test(document.querySelector(".chosen")?.textContent));
await page.getByRole("button", { name: "undo" }).click();
await settled(() => /^10 units removed/.test(document.querySelector(".chosen")?.textContent));
await page.keyboard.press("Shift+U");
await settled(() => /^(9|11) units removed/.test(document.querySelector(".chosen")?.textContent));
await page.keyboard.press("u");
await settled(() => /^10 units removed/.test(document.querySelector(".chosen")?.textContent));

// the map keeps its place: keys walk on from the unit that was chosen
const chosen = () => page.evaluate(() => location.hash);
const steps = new Set();
await map.focus();
for (let i = 0; i < 3; i++) {
  const before = await chosen();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction((hash) => location.hash !== hash, before);
  steps.add(await chosen());
}
assert.equal(steps.size, 3, "each key press chooses another unit");
for (let i = 0; i < 3; i++) await page.getByRole("button", { name: "undo" }).click();
await settled(() => /^10 units removed/.test(document.querySelector(".chosen")?.textContent));

// sets that the audit names; each is one step to take back
for (const name of ["remove a cluster", "remove a circuit"]) {
  const list = page.getByLabel(name);
  if (!(await list.count())) continue;
  const words = await list.locator("option").nth(1).textContent();
  await list.selectOption({ index: 1 });
  await settled(
    (count) => document.querySelector(".chosen")?.textContent.startsWith(`${count} unit`),
    /(\d+) units?\b/.exec(words)[1],
  );
  await page.getByRole("button", { name: "undo" }).click();
  await settled(() => /^10 units removed/.test(document.querySelector(".chosen")?.textContent));
}

await answered();

// the confusion matrix counts every example once
const counted = await page
  .locator(".confusion td")
  .evaluateAll((cells) =>
    cells.map((cell) =>
      cell.firstChild?.nodeType === Node.TEXT_NODE ? cell.firstChild.textContent : "0",
    ),
  );
const [, whole] = /n = (\d+)/.exec(await page.locator(".effect caption").textContent());
assert.equal(
  counted.reduce((sum, text) => sum + Number(text), 0),
  Number(whole),
);

// keep it under a hostile name; the name stays text
await page.getByLabel("name", { exact: true }).fill("<img src=x onerror=document.title='run'>");
await page.getByRole("button", { name: "keep this set" }).click();
await page.waitForSelector("text=kept in the audit's folder");
assert.doesNotMatch(await page.title(), /^run/);

await accessible();
if (picture) await page.screenshot({ path: picture });

// the link opens the same set with the same replacement in another window of the session
const meaned = await page.locator(".effect tbody").textContent();
await page.getByLabel("removed units hold").selectOption({ label: "zero" });
await settled((old) => document.querySelector(".effect tbody").textContent !== old, meaned);
await answered();
const [zeroed, shared] = [await page.locator(".effect tbody").textContent(), page.url()];
await page.goto("about:blank");
await page.goto(shared);
await answered();
assert.match(await page.locator(".chosen").first().textContent(), /^10 units removed/);
assert.equal(
  await page.getByLabel("removed units hold").locator("option:checked").textContent(),
  "zero",
);
assert.equal(
  await page.locator(".effect tbody").textContent(),
  zeroed,
  "the link leads to the same numbers",
);
await page.getByRole("button", { name: "remove none" }).click();
await page.locator(".card ul a", { hasText: "<img src=x" }).first().click();
await settled(() => /^10 units removed/.test(document.querySelector(".chosen")?.textContent));
assert.equal(
  await page.getByLabel("removed units hold").locator("option:checked").textContent(),
  "mean",
  "an experiment has its own replacement",
);

await page
  .getByRole("button", { name: /^delete <img/ })
  .first()
  .click();
await page.waitForSelector("text=is deleted");

// draw: an empty sheet gets a hint and no answer, also where it is inverted or cleared
await go("#/draw");
await page.waitForSelector("text=Nothing is drawn yet");
await page.getByRole("button", { name: "invert" }).click();
await page.getByRole("button", { name: "clear" }).click();
assert.equal(await page.locator(".predicted").count(), 0, "nothing is said of an empty sheet");

// a bar on the sheet: the model answers, by every method
const sheet = await page.locator("canvas.sheet").boundingBox();
await page.mouse.move(sheet.x + 112, sheet.y + 40);
await page.mouse.down();
await page.mouse.move(sheet.x + 112, sheet.y + 180, { steps: 8 });
await page.mouse.up();
await page.waitForSelector("text=Nearest evaluation examples");
const sum = async () =>
  (await page.locator(".predicted tbody td strong").allTextContents()).reduce(
    (all, text) => all + parseFloat(text),
    0,
  );
assert.ok(Math.abs((await sum()) - 100) < 1, "probabilities add up to 1");
assert.equal(await page.locator(".map canvas").count(), 8); // a map by each usual method
await page.getByLabel("maps by").selectOption({ label: "occlusion superpixel" });
await page.waitForFunction(() => document.querySelectorAll(".map canvas").length === 1);
assert.equal(await page.getByText("passes all tests").count(), 0); // no test was made of it
await page.getByLabel("maps by").selectOption({ label: "the usual methods" });
await page.waitForFunction(() => document.querySelectorAll(".map canvas").length === 8);
await accessible();

// the drawing goes into the two other views
await page.getByRole("link", { name: "patch it with another" }).click();
await page.waitForSelector("h2:has-text('Patch')");
await page.waitForSelector("canvas[aria-label='What you drew']");
await page.goBack();
await page.waitForSelector("text=Nearest evaluation examples");
await page
  .getByRole("link", { name: /^patch with example/ })
  .first()
  .click();
await settled(() =>
  /your image is/.test(document.querySelector(".predicted caption")?.textContent),
);

// patching begins with a pair that was found by measurement, and says so; bars of before and after
await go("#/patch");
await page.waitForSelector("text=/^Of \\d+ pairs of evaluation images/");
await settled(() =>
  /With units? [\d, ]+ of/.test(document.querySelector(".predicted caption")?.textContent),
);
assert.equal(await page.locator(".twice u").count(), 10);
const moved = (await page.locator(".predicted tbody tr").allTextContents()).map((row) =>
  (/([\d.]+) → ([\d.]+)/.exec(row) ?? []).slice(1).map(Number),
);
assert.ok(
  moved.some(([before, after]) => Math.abs(after - before) > 5),
  "something happens to the first pair",
);
await page.waitForSelector("text=/Control: taken from \\d+ other images/");
await page.waitForSelector("text=/random units of the site it stays in \\d+ of 200 draws/");
await page.getByRole("button", { name: "the whole site" }).click();
await settled(() =>
  /With the whole of/.test(document.querySelector(".predicted caption")?.textContent),
);
await page.getByRole("button", { name: "the other way round" }).click();
await settled(() => /^#\/patch\/\d+\/\d+$/.test(location.hash));
await accessible();

// what can't be meant is refused in a line and not clipped
for (const [typed, pattern] of [
  ["5, 99999", /has units 0 to \d+; there is no unit 99999/],
  ["1e3", /whole numbers with commas.*not “1e3”/],
  ["−1", /whole numbers with commas/],
]) {
  await page.getByLabel("units", { exact: true }).fill(typed);
  await refused(pattern);
}
const before = page.url();
for (const typed of ["99999999", "1e30", "-1", "2.5", "NaN", "x"]) {
  await page.getByLabel("into", { exact: true }).fill(typed);
  await page.getByRole("button", { name: "take it" }).first().click();
  await refused(/An example is a whole number from 0 to \d+/);
}
assert.equal(page.url(), before, "nothing was asked instead");
for (const hash of ["#/draw/99999999", "#/steer/x", "#/patch/3/1e9", "#/draw/-1"]) {
  await go(hash);
  await refused(/There is no example “.*”: the data have 0 to \d+/);
}
await go("#/live/0:99999.3~99:1~x");
await page.waitForSelector("text=/This audit has no .*99999.*the address names what isn't there/");

for (const [hash, pattern] of [
  ["#/unit/0/99999", "There is no unit 99999 of .*: it has units 0 to"],
  ["#/unit/99/0", "There is no site at place 99"],
  ["#/class/99", "There is no class at place 99"],
]) {
  await go(hash);
  await page.waitForSelector(`text=/${pattern}/`);
}

// steering: the slider moves the predictions, above a strip of examples that lie there
await go("#/steer/3");
await page.waitForSelector(".frames canvas");
await page.waitForSelector(".chart svg");
assert.equal(await page.locator(".frame").count(), 13);
const still = await page.locator(".predicted tbody").textContent();
await page.getByLabel("dose in standard deviations").fill("3");
await settled((old) => document.querySelector(".predicted tbody")?.textContent !== old, still);
assert.match(
  await page.locator(".predicted caption").textContent(),
  /^Moved by 3.0 SD, example 3 is/,
);
await inView(".predicted tbody tr");
for (const typed of ["1e30", "NaN", "", "7"]) {
  await page.getByLabel("dose in SD").fill(typed);
  await page.keyboard.press("Enter");
  await refused(/A dose is a number from −6 to 6/);
}
await page.getByRole("button", { name: "back to 0" }).click();
await settled((old) => document.querySelector(".predicted tbody")?.textContent === old, still);
await accessible();

// in a small window the answer stays in view, whatever was clicked
for (const [width, height] of [
  [1440, 900],
  [390, 844],
]) {
  await page.setViewportSize({ width, height });
  await go("#/live");
  await page.waitForSelector(".effect tbody tr");
  await page
    .getByRole("button", { name: /that it needs most/ })
    .first()
    .click();
  await settled(() =>
    /changes? most|No class/.test(document.querySelector(".effect caption")?.textContent),
  );
  await inView(".effect tbody tr");
  await inView(".effect caption");
  await page.getByRole("button", { name: "remove none" }).click();
  await settled(() =>
    /Nothing is removed/.test(document.querySelector(".effect caption")?.textContent),
  );
  const units = page.locator(".acts canvas").first();
  await units.scrollIntoViewIfNeeded();
  await units.click({ position: { x: 12, y: 40 } });
  await settled(() => /^1 unit removed/.test(document.querySelector(".chosen")?.textContent));
  await settled(() => !document.querySelector(".late"));
  await inView(".effect tbody tr");
  await go("#/steer/3");
  await page.waitForSelector(".frames canvas");
  await page.locator(".frame").nth(8).click();
  await settled(() =>
    /Moved by 2.0 SD/.test(document.querySelector(".predicted caption")?.textContent),
  );
  await inView(".predicted tbody tr");
  await go("#/patch");
  await page.waitForSelector(".predicted tbody tr");
  await page.getByRole("button", { name: "any example" }).first().click();
  await settled(() => /^#\/patch\/\d+/.test(location.hash) && !document.querySelector(".late"));
  await inView(".predicted tbody tr");
  await go("#/draw/3");
  await page.waitForSelector(".predicted tbody tr");
  await inView(".predicted tbody tr");
  const across = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(across <= 0, `nothing lies beside the screen at ${width}`);
  await accessible();
}
await page.setViewportSize({ width: 1200, height: 1400 });

// by their names: units, layers, clusters, and what can be done here
for (const [words, found] of [
  ["neuron 40", /^L\d+·40 · unit 40/],
  ["unit 40", /^L\d+·40 · unit 40/],
  ["L2 40", /^L2·40/],
  ["patching", /^patch/],
  ["steering", /^steer/],
  ["drawing", /^draw/],
  ["ablate", /^playground/],
  ["jobs", /^jobs/],
]) {
  await page.getByRole("combobox").first().fill(words);
  assert.match(await page.locator("#hit0").textContent(), found, words);
}
await page.getByRole("combobox").first().fill("nowhere to be found");
await page.waitForSelector("text=/^nothing is called “nowhere to be found”: units are found as/");
await page.keyboard.press("Escape");

await go("#/draw");
// a file that is no picture is refused in words, one that is is asked about
const shown = page.locator(".predicted caption").first();
await page
  .getByLabel("or a picture")
  .setInputFiles({ name: "no.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
await page.waitForSelector("text=can't read this file as a picture");
const drawing = page.locator("canvas.sheet"),
  blank = await drawing.evaluate((sheet) => sheet.toDataURL());
await page.getByLabel("or a picture").setInputFiles({
  name: "yes.svg",
  mimeType: "image/svg+xml",
  buffer: Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><script>document.title="ran"</script><rect x="15" y="5" width="8" height="30" fill="white"/></svg>',
  ),
});
await settled(
  (old) =>
    document.querySelector("canvas.sheet").toDataURL() !== old ||
    document.querySelector("[role=alert]"),
  blank,
);
assert.notEqual(await page.title(), "ran");
await page.mouse.move(sheet.x + 60, sheet.y + 60);
await page.mouse.down();
await page.mouse.move(sheet.x + 160, sheet.y + 60, { steps: 4 });
await page.mouse.up();
await page.waitForSelector(".predicted caption");
await page.getByRole("button", { name: "invert" }).click();
assert.match(await shown.textContent(), /The model says/);

// an example of the data instead, by its address
await page.evaluate(() => {
  location.hash = "#/draw/3";
});
await page.waitForSelector("h2:has-text('Example 3')");
await page.waitForSelector("canvas[aria-label='Example 3']");
await page.waitForSelector("text=/of class .*, (selection|evaluation) split/");
await page.waitForSelector("text=Nearest evaluation examples");

// the image card of the page leads there
await page.evaluate(() => {
  location.hash = "#/class/0";
});
await page.locator(".strip a.picture").first().click();
await page.getByRole("link", { name: "ask the model about it" }).click();
await page.waitForSelector("h2:has-text('Example')");

// a table that the page holds only a part of is read from the server
await page.evaluate(() => {
  location.hash = "#/lens/ablation";
});
await page.waitForSelector("[id='ablation.interactions'] .live");
const part = page.locator("[id='ablation.interactions']");
if (await part.getByRole("button", { name: "table", exact: true }).count())
  await part.getByRole("button", { name: "table", exact: true }).first().click();
if (await part.getByRole("button", { name: "all rows" }).count()) {
  await part.getByRole("button", { name: "all rows" }).click();
  await part.getByText(/^1 to 50 of \d+$/).waitFor();
  await part.getByRole("button", { name: "next rows" }).click();
  await part.getByText(/^51 to 100 of \d+$/).waitFor();
  await accessible();
  console.log("ok all rows");
}

await page.evaluate(() => {
  location.hash = "#/jobs";
});
await page.waitForSelector("h2:has-text('Jobs')");
await accessible();

assert.deepEqual(complaints, [], "the console is silent");
assert.deepEqual([...new Set(asked)], [new URL(address).host], "nothing else is asked");

// without a server, numbers of another set are told as such
await page.evaluate(() => {
  location.hash = "#/live";
});
await page.waitForSelector(".effect tbody tr");
await page.route("**/api/remove", (route) => route.abort());
await page.locator(".card canvas").first().focus();
await page.keyboard.press("ArrowRight");
await page.keyboard.press("Enter");
await page.waitForSelector("[role=alert]:has-text('numbers below are those of the set before')");
assert.equal(await page.locator(".late[aria-busy=true] .effect").count(), 1);
await browser.close();
console.log("ok the newcomer's path");
