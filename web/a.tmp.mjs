import { chromium } from "playwright-core";
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless","--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"] });
const p = await b.newPage({ viewport: { width: 1280, height: 900 } });
await p.goto("file:///tmp/big/run/report.html"); await p.waitForSelector("html.ready");
await p.screenshot({path:"/tmp/big/open.png"});
for (const h of ["#/unit/2/0","#/unit/2/8999"]) {
await p.evaluate((h) => { location.hash = h; }, h); await p.waitForTimeout(500);
console.log(await p.locator("#app").innerText().then(t=>t.slice(0,300)));
await p.keyboard.press("ArrowRight"); await p.waitForTimeout(300); console.log(p.url().slice(-20)); }
await p.screenshot({path:"/tmp/big/unit.png", fullPage:true});
for (const l of ["ablation","agreement"]) { await p.evaluate((h) => { location.hash = "#/lens/"+h; }, l); await p.waitForTimeout(900); await p.screenshot({path:`/tmp/big/${l}.png`, fullPage:true}); }
await b.close();
