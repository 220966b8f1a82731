/**
 * Runs a module of cases in Node or in a browser and prints what it found as JSON: node drive.mjs FOLDER node|chromium|firefox
 * FOLDER holds data.json and cases.mjs; for browsers page.html, which is opened from file:// and from a server with a policy.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , folder, where] = process.argv;
const WEB = new URL("../../semeq_export/web/", import.meta.url);
const POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:; connect-src 'self'";
const DEADLINE_MS = 100_000; // so that no browser outlives a test that waits no longer

const results = where === "node" ? { node: await inNode() } : await inBrowser(where);
process.stdout.write(JSON.stringify(results));

async function inNode() {
  const semeq = await import(new URL("built/semeq.js", WEB));
  const { run } = await import(pathToFileURL(join(resolve(folder), "cases.mjs")));
  return run(semeq, JSON.parse(readFileSync(join(folder, "data.json"), "utf8")));
}

async function inBrowser(name) {
  const page = join(resolve(folder), "page.html");
  const files = { "/": [page, "text/html; charset=utf-8"], "/semeq-worklet.js": [new URL("built/semeq-worklet.js", WEB), "text/javascript"] };
  const server = createServer(({ url }, answer) => {
    const [path, type] = files[url] ?? [];
    if (path === undefined) return answer.writeHead(404).end();
    return answer.writeHead(200, { "content-type": type, "content-security-policy": POLICY }).end(readFileSync(path));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`${name} does not answer`)), DEADLINE_MS).unref());
  const open = name === "firefox" ? await firefox() : await chromium();
  try {
    const addresses = { file: pathToFileURL(page).href, http: `http://127.0.0.1:${server.address().port}/` };
    const found = {};
    for (const [kind, address] of Object.entries(addresses)) found[kind] = await Promise.race([open.run(address), late]);
    return found;
  } finally {
    await open.close();
    server.close();
  }
}

async function chromium() {
  const { chromium } = await import(new URL("node_modules/playwright-core/index.mjs", WEB));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
  const run = async (address) => {
    const page = await browser.newPage();
    await page.goto(address);
    const found = await page.evaluate("window.found");
    await page.close();
    return found;
  };
  return { run, close: () => browser.close() };
}

async function firefox() {
  const { Firefox } = await import(new URL("tests/firefox.mjs", WEB));
  const browser = await Firefox.launch();
  const run = async (address) => {
    await browser.goto(address);
    return browser.evaluate("() => window.found");
  };
  return { run, close: () => browser.close() };
}
