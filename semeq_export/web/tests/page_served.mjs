/**
 * Exports from a page that a server gave, in Chromium, and prints what it saw as JSON: node page_served.mjs ADDRESS FOLDER
 * What is saved goes to FOLDER. Python judges (tests/studio/test_page_in_chromium.py).
 */
import { join } from "node:path";

import { chromium } from "playwright-core";

import { violations } from "./axe.mjs";

const [, , address, folder] = process.argv;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const seen = { errors: [], files: {} };
try {
  const page = await browser.newPage({ acceptDownloads: true });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  await page.goto(address);
  await page.getByRole("button", { name: "Bass", exact: true }).click();
  await page.getByRole("option", { name: "warm 521" }).click();
  await page.locator("[data-testid=loudness][aria-busy=false]").waitFor();
  await page.waitForFunction(() => Number(document.querySelector(".position").value) > 0.1);
  for (const format of ["lsp-x16-lv2", "eqapo"]) {
    await page.getByLabel("Preset for").selectOption(format);
    await save(page, format, "Export");
  }
  seen.notes = await page.getByLabel("Notes").innerText();
  await save(page, "processed", "Process the file");
  await page.getByRole("button", { name: "Add as a track" }).click();
  await page.getByRole("button", { name: "Drums", exact: true }).click();
  await page.getByText("Drums · 48.0 kHz").waitFor();
  await page.getByRole("option", { name: "bright 460" }).click();
  await page.getByRole("button", { name: "Add as a track" }).click();
  seen.tracks = await page.getByRole("list", { name: "Tracks" }).innerText();
  await save(page, "session", "Save session");
  await page.getByRole("button", { name: "Bass", exact: true }).click();
  await page.getByText("Bass · 48.0 kHz").waitFor();
  await page.getByRole("option", { name: "warm 521" }).click();
  await save(page, "preset", "Preset (.semeq.json)");
  await save(page, "sound", "WAV, 32-bit float");
  seen.axe = await violations(page);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));

async function save(page, kind, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  seen.files[kind] = file.suggestedFilename();
  await file.saveAs(join(folder, file.suggestedFilename()));
  await page.locator(".export[aria-busy=false]").waitFor();
}
