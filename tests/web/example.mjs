/** Uses a kit's example.html as a person would: node example.mjs KIT SOUND */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { chromium } from "../../semeq_export/web/node_modules/playwright-core/index.mjs";

const [, , kit, sound] = process.argv;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
const server = createServer(({ url }, answer) => {
  try {
    const data = url === "/favicon.ico" ? "" : readFileSync(join(kit, url));
    answer.writeHead(200, { "content-type": TYPES[extname(url)] ?? "application/octet-stream" }).end(data);
  } catch {
    answer.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
try {
  const errors = [];
  const page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/web/example.html`);
  await page.waitForFunction(() => document.getElementById("said").textContent !== "Choose a sound.");
  await page.setInputFiles("#file", sound);
  await page.selectOption("#word", "warm");
  await page.fill("#intensity", "-1.5");
  await page.check("#dry");
  await page.evaluate(() => document.getElementById("audio").play());
  await page.waitForFunction(() => document.getElementById("audio").currentTime > 0.1);
  const plays = await page.evaluate(() => !document.getElementById("audio").paused);
  const [said, shown] = [await page.textContent("#said"), await page.inputValue("#shown").catch(() => page.textContent("#shown"))];
  process.stdout.write(JSON.stringify({ said, shown, plays, errors }));
} finally {
  await browser.close();
  server.close();
}
