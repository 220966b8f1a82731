// A scripted listener takes a listening test in a browser, by clicks and keys, and saves the answers.
//
//     node listen_run.mjs PLAYWRIGHT CHROMIUM PAGE.html ASKED.json
//
// PLAYWRIGHT: the folder of playwright-core, with axe-core beside it. ASKED: {participant, worth: {code: number}, csv: where to save, shots:
// folder or "", theme, width}.
// Of two sounds the listener takes the one that is worth more; scores are the worth; X is found by what it is. Prints one JSON line.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [playwright, executablePath, page_html, asked_json] = process.argv.slice(2);
const { chromium } = (await import(pathToFileURL(join(playwright, "index.js")).href)).default;
const asked = JSON.parse(readFileSync(asked_json, "utf8"));

const browser = await chromium.launch({ executablePath, args: ["--autoplay-policy=user-gesture-required", "--no-sandbox"] });
const context = await browser.newContext({ colorScheme: asked.theme ?? "dark", viewport: { width: asked.width ?? 1100, height: 820 }, acceptDownloads: true });
const page = await context.newPage();
const wrong = [];
const requests = [];
page.on("pageerror", (error) => wrong.push(String(error)));
page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
page.on("request", (request) => /^(file|data|blob):/.test(request.url()) || requests.push(request.url()));
const shoot = async (name) => asked.shots && (await page.screenshot({ path: join(asked.shots, `${name}.png`), fullPage: true }));

const axe = readFileSync(join(playwright, "../axe-core/axe.min.js"), "utf8");
const violations = [];
async function inspect(screen) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  violations.push(...found.violations.map(({ id, nodes }) => `${screen}: ${id}: ${nodes[0].html}`));
}

await page.goto(pathToFileURL(page_html).href);
const test = await page.evaluate(() => {
  const { kind, forms, trials } = JSON.parse(document.getElementById("semeq-listen-data").textContent);
  return { kind, forms, trials };
});
const form = test.forms[(Number(asked.participant) - 1) % test.forms.length];
const hints = [];
const hint = async () => hints.push(await page.locator(".hint").textContent());

await shoot("1-welcome");
await inspect("welcome");
await page.getByRole("button", { name: "Begin" }).click();
await hint();
await page.getByLabel("Your number, or your name").fill(asked.participant);
await page.keyboard.press("Enter");
await page.getByRole("heading", { name: "Set the volume" }).waitFor();
await page.getByRole("button", { name: "Play" }).click();
await page.getByRole("button", { name: "Stop" }).waitFor();
await page.getByRole("slider", { name: "Volume" }).press("ArrowLeft");
await shoot("2-volume");
await inspect("volume");
await page.getByRole("button", { name: "This is comfortable" }).click();

async function answer(showing, next, shot) {
  const button = page.getByRole("button", { name: next, exact: true });
  await button.waitFor();
  await button.click();
  await hint();
  const names = test.kind === "mushra" ? ["r", ...showing.order.map((_, index) => String((index + 1) % 10))] : test.kind === "abx" ? ["a", "b", "x"] : ["a", "b"];
  for (const key of names) {
    await page.keyboard.press(key);
    await page.waitForFunction((wanted) => document.querySelector('.play[aria-pressed="true"]')?.getAttribute("aria-keyshortcuts") === wanted, key);
  }
  if (test.kind === "mushra") {
    for (const [index, code] of showing.order.entries()) {
      await page.getByRole("slider", { name: `Score of sound ${index + 1}`, exact: true }).fill(String(asked.worth[code]));
    }
  } else {
    const better = showing.order[asked.worth[showing.order[0]] >= asked.worth[showing.order[1]] ? 0 : 1];
    const taken = test.kind === "abx" ? showing.hidden : better;
    await page.locator(`input[name=choice][value="${taken}"]`).check();
  }
  if (shot) {
    await shoot(shot);
    await inspect(shot);
  }
  await page.keyboard.press("s");
  await button.click();
}

await answer(form[form.length - 1], "Start the test", "3-training");
for (const [index, showing] of form.entries()) {
  await answer(showing, index + 1 < form.length ? "Next" : "Finish", index === 0 ? "4-trial" : "");
}
await page.getByRole("heading", { name: "Thank you" }).waitFor();
const waiting = page.waitForEvent("download");
await page.getByRole("button", { name: "Save answers" }).click();
const download = await waiting;
await download.saveAs(asked.csv);
await shoot("5-end");
await inspect("end");
await browser.close();
process.stdout.write(`${JSON.stringify({ wrong, requests, violations, hints, name: download.suggestedFilename() })}\n`);
