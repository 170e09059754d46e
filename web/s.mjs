import { chromium } from "playwright-core";
const [,, file, out, scheme="light", width="1280", ...hashes] = process.argv;
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless","--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"] });
const p = await b.newPage({ colorScheme: scheme, viewport: { width: +width, height: 900 } });
p.on("console", m => console.log(m.type(), m.text().slice(0,300))); p.on("pageerror", e => console.log("ERR", e.stack?.slice(0,500)));
let i=0;
for (const h of hashes) { const t=Date.now(); await p.goto("file://"+file+h); if(!i){ await p.waitForSelector(".ready",{timeout:10000}).catch(()=>console.log("not ready")); console.log("ready ms", Date.now()-t, await p.evaluate(()=>document.querySelectorAll("*").length)); } await p.waitForTimeout(500); await p.screenshot({ path: `${out}-${i++}.png`, fullPage: true }); }
await b.close();
