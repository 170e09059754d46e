// What a newcomer is promised to see, each within three clicks of a report's first screen.

import assert from "node:assert/strict";

const CLICKS = 3;

/** Whether what a selector finds is drawn: pictures with more than one colour, and of some size. */
async function drawn(page, selector, least) {
  await page.locator(selector).first().waitFor({ state: "attached", timeout: 5000 });
  await page.evaluate((wanted) => document.querySelector(wanted).scrollIntoView(), selector);
  await page.waitForTimeout(300); // images are cut from a sheet that is decoded once
  const seen = await page.evaluate((wanted) => {
    const found = [...document.querySelectorAll(wanted)].filter((e) => e.checkVisibility());
    return found.filter((element) => {
      const { width, height } = element.getBoundingClientRect();
      if (Math.max(width, height) < 8) return false; // a straight line has no height
      if (element.tagName === "IMG") return element.complete && element.naturalWidth > 0;
      if (element.tagName !== "CANVAS") return true;
      const pen = element.getContext("2d", { willReadFrequently: true });
      const { data } = pen.getImageData(0, 0, element.width, element.height);
      const colours = new Set();
      for (let i = 0; i < data.length && colours.size < 2; i += 4)
        colours.add(`${data[i]},${data[i + 1]},${data[i + 2]},${data[i + 3]}`);
      return colours.size > 1;
    }).length;
  }, selector);
  assert.ok(seen >= least, `${selector}: ${seen} of at least ${least} pictures are drawn`);
}

const lens = (name) => `nav a[href='#/lens/${name}']`;
const within = (finding, selector) => `[id='${finding}'] .live ${selector}`;

/** Each promise: clicks from the first screen, the pictures that they lead to, and how many at least. */
function promised({ classes, findings, sites }) {
  const few = Math.min(3, classes.length),
    linked = findings["mechanism.edges"]?.total > 0,
    row = ".opening tbody th a";
  return {
    "early and deep layers: what units respond to": [
      [[], ".panel .strip :is(img, q)", 4],
      [[lens("activation")], within("activation.examples", ":is(.neuron canvas, .picture)"), 4],
      [[lens("activation")], within("activation.depth", "svg"), sites.length > 1 ? 1 : 0],
    ],
    "where the evidence lies, as the loop of a 6 or the bar of a 7": [
      findings["attribution.evidence"]
        ? [[lens("attribution")], within("attribution.evidence", "canvas"), 1]
        : [[lens("attribution")], within("attribution.words", "table, svg, canvas"), 1],
      [[row], "#app :is(canvas, .plain, svg)", 1],
    ],
    "groups of units and the classes that they prefer": [
      [
        [lens("mechanism")],
        within("mechanism.clusters", ":is(.cluster .face > *, p:not(.picks))"),
        1,
      ],
    ],
    "how evidence flows from layer to layer": linked
      ? [
          [[lens("mechanism")], within("mechanism.edges", ".evidence-flow .node"), few],
          [[lens("mechanism")], within("mechanism.edges", ".evidence-flow g path"), few],
          [[row], "#app .evidence-flow .node", 2],
          [[row, "#app .evidence-flow .node"], "#app :is(canvas, .plain)", 1],
        ]
      : [],
    "directions, from the least to the most": [
      [[lens("tracing")], within("tracing.directions", ".film .picture"), few],
    ],
  };
}

/** Walk to every picture as a newcomer would, by links that are in view. */
export async function promises(page, outline) {
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const [promise, ways] of Object.entries(promised(outline))) {
    for (const [clicks, pictures, least] of ways) {
      assert.ok(clicks.length <= CLICKS, `${promise}: ${clicks.length} clicks`);
      await page.evaluate(() => {
        location.hash = "#/";
      });
      await page.waitForTimeout(150);
      try {
        for (const link of clicks) {
          await page.locator(link).locator("visible=true").first().click({ timeout: 5000 });
          await page.waitForTimeout(150);
        }
        if (least) await drawn(page, pictures, least);
      } catch (error) {
        throw new Error(`${promise}, after ${clicks.join(", ") || "no click"}: ${error.message}`);
      }
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}
