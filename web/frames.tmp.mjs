import { chromium } from "playwright-core";
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless","--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"] });
const p = await b.newPage({ viewport: { width: 1280, height: 900 } });
p.on("console", m => console.log("console", m.type(), m.text())); p.on("pageerror", e => console.log("error", e.message));
const t = Date.now();
await p.goto("file:///tmp/big/run/report.html"); await p.waitForSelector("html.ready"); console.log("ready", Date.now()-t);
async function frames(name, act) {
  await p.evaluate(() => { window.ft=[]; let l=performance.now(); window.go=true; const f=(n)=>{window.ft.push(n-l); l=n; if(window.go) requestAnimationFrame(f);}; requestAnimationFrame(f); });
  await act();
  const f = await p.evaluate(() => { window.go=false; return window.ft.slice(1); });
  f.sort((a,b)=>a-b); console.log(name, "n", f.length, "median", f[f.length>>1].toFixed(1), "p95", f[Math.floor(f.length*.95)].toFixed(1), "max", f.at(-1).toFixed(1), ">50:", f.filter(x=>x>50).length);
}
const box = async (sel) => (await p.locator(sel).first().boundingBox());
let c = await box("#app canvas"); console.log(c);
await frames("hover map", async () => { for (let i=0;i<150;i++) { await p.mouse.move(c.x+5+(i*7)%Math.min(c.width-10,1200), c.y+5+(i*3)%Math.min(600, c.height-10)); } });
await frames("scroll opening", async () => { for (let i=0;i<60;i++) { await p.mouse.wheel(0, 100); await p.waitForTimeout(16);} });
for (const lens of ["ablation","activation","attribution","mechanism","tracing","agreement"]) {
  const s = Date.now();
  await p.evaluate((l) => { location.hash = `#/lens/${l}`; }, lens); await p.waitForSelector(`section#${lens}`, {state:"visible"}); await p.waitForTimeout(100);
  console.log(lens, "shown", Date.now()-s-100);
  const hs = await p.evaluate(() => document.body.scrollHeight);
  await frames("scroll "+lens, async () => { for (let i=0;i<120;i++) { await p.mouse.wheel(0, hs/120); await p.waitForTimeout(16);} });
}
await p.evaluate(() => { location.hash = "#/unit/2/40"; }); await p.waitForTimeout(500);
await frames("arrows", async () => { for (let i=0;i<40;i++) { await p.keyboard.press("ArrowRight"); await p.waitForTimeout(50);} });
console.log(p.url().slice(-20));
await frames("search", async () => { await p.locator("input[type=search]").pressSequentially("unit 8123", {delay: 60}); });
await b.close();
