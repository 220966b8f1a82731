/**
 * Uses the page as a person does, with Debian's Chromium, and prints what it saw as JSON: node page.mjs ADDRESS FOLDER
 * FOLDER holds sound.wav, long.wav and broken.wav; what is saved goes there, too. Python judges (tests/studio/test_page_in_chromium.py).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { violations } from "./axe.mjs";

const [, , address, folder] = process.argv;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const seen = { errors: [] };
try {
  const page = await opened(address);
  await withNothing(page);
  await withASound(page);
  await inPlaces(page);
  await withWords(page);
  await heardBothWays(page);
  await onTheMap(page);
  await byHand(page);
  await saved(page);
  await recalled(page);
  await refused(page);
  await withoutWorklets();
  await judgedByAxe(page);
  await withALongSound();
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));

async function opened(url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  page.setDefaultTimeout(12_000);
  await page.addInitScript(tapped);
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  await page.goto(url);
  await page.locator("main").waitFor();
  return page;
}

/** Runs in a page before its own scripts: `recorded(seconds)` gives what its last node sends out, as base64 of float32, channels after each other. */
function tapped() {
  const connect = AudioNode.prototype.connect;
  let last = null;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) last = this;
    return connect.call(this, target, ...rest);
  };
  globalThis.recorded = async (seconds) => {
    const samples = Math.round(seconds * last.context.sampleRate);
    const channels = [new Float32Array(samples), new Float32Array(samples)];
    const recorder = last.context.createScriptProcessor(4_096, 2, 2);
    let at = 0;
    await new Promise((done) => {
      recorder.onaudioprocess = ({ inputBuffer }) => {
        channels.forEach((channel, c) => channel.set(inputBuffer.getChannelData(c).subarray(0, samples - at), at));
        at = Math.min(at + inputBuffer.length, samples);
        if (at === samples) done();
      };
      connect.call(last, recorder);
      connect.call(recorder, last.context.destination);
    });
    last.disconnect(recorder);
    recorder.disconnect();
    let letters = "";
    for (const channel of channels) for (const byte of new Uint8Array(channel.buffer)) letters += String.fromCharCode(byte);
    return btoa(letters);
  };
}

function mixOf(page) {
  return page.getByTestId("mix").innerText();
}

function noticeOf(page) {
  return page.locator(".notice").innerText();
}

function chosenMonitor(page) {
  return page.locator("input[name=monitor]:checked").inputValue();
}

/** Drop a file on the page as a file manager does. */
async function drop(page, name, type = "audio/wav") {
  const data = await page.evaluateHandle(
    ({ base64, name, type }) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type }));
      return transfer;
    },
    { base64: readFileSync(join(folder, name)).toString("base64"), name, type },
  );
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
}

async function withNothing(page) {
  await page.keyboard.press("Space"); // takes the first example
  await page.getByText("Drums · 48.0 kHz").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Bass" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  seen.example = await page.locator(".clip-name").innerText();
}

async function withASound(page) {
  await drop(page, "sound.wav");
  await page.getByText("sound.wav · 44.1 kHz").waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Play" }).waitFor();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => Number(document.querySelector(".position").value) > 0.2);
  seen.plays = true;
}

/** Loop a part by hand, go to a place by the slider, and loop all of it again. */
async function inPlaces(page) {
  const { x, y, width } = await page.locator(".picture").boundingBox();
  await page.mouse.move(x + 0.25 * width, y + 20);
  await page.mouse.down();
  await page.mouse.move(x + 0.5 * width, y + 30, { steps: 6 });
  await page.mouse.up();
  seen.region = await Promise.all(["from", "to"].map((end) => page.getByLabel(`Loop ${end}, in seconds`).inputValue()));
  await page.waitForTimeout(900); // longer than the part: it must have turned
  seen.place_in_region = Number(await page.locator(".position").inputValue());
  await page.getByRole("button", { name: "All of it" }).click();
  await page.keyboard.press("Space");
  await page.getByLabel("Position").fill("2.4");
  seen.place_by_slider = Number(await page.getByLabel("Position").inputValue());
  await page.keyboard.press("Space");
  const before = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.getByRole("button", { name: "Light or dark" }).click();
  seen.themes = [before, await page.evaluate(() => document.documentElement.dataset.theme)];
  await page.evaluate(() => localStorage.clear());
}

async function withWords(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("less muddy");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("[data-testid=mix]").textContent !== "no word yet");
  seen.less_muddy = await mixOf(page);
  seen.guessed = [];
  for (const phrase of ["sparkly", "crispy"]) {
    await page.getByLabel("Say what you want").fill(phrase);
    await page.keyboard.press("Enter");
    if (phrase === "crispy") await page.getByRole("button", { name: "Guess it all the same" }).click();
    await page.locator(".says", { hasText: `only guessed: ${phrase}` }).waitFor();
    seen.guessed.push({ mix: await mixOf(page), bands: await bandsOf(page) });
  }
  await page.getByRole("option", { name: "warm 521" }).click();
  seen.warm = await mixOf(page);
  await page.locator("[data-testid=loudness][aria-busy=false]").waitFor();
  seen.loudness = await page.getByTestId("loudness").innerText();
  await page.getByRole("listbox").press("ArrowDown");
  seen.next_word = await mixOf(page);
  await page.locator("body").click({ position: { x: 5, y: 5 } });
  seen.monitors = [await chosenMonitor(page)];
  for (const key of ["a", "a", "d"]) {
    await page.keyboard.press(key);
    seen.monitors.push(await chosenMonitor(page));
  }
  await page.keyboard.press("a");
}

/** Record what reaches the loudspeakers, one loop of before and one of after. */
async function heardBothWays(page) {
  await page.getByRole("option", { name: "warm 521" }).click();
  await page.locator("[data-testid=loudness][aria-busy=false]").waitFor();
  seen.heard = {};
  for (const monitor of ["dry", "eq"]) {
    await page.locator(`input[name=monitor][value=${monitor}]`).check();
    await page.waitForTimeout(150); // a change is faded in
    seen.heard[monitor] = await page.evaluate(() => globalThis.recorded(3));
  }
}

async function onTheMap(page) {
  const { x, y, width, height } = await page.getByLabel("Word map").boundingBox();
  await page.mouse.move(x + 0.3 * width, y + 0.3 * height);
  await page.mouse.down();
  await page.mouse.move(x + 0.5 * width, y + 0.45 * height, { steps: 8 });
  await page.mouse.move(x + 0.65 * width, y + 0.62 * height, { steps: 8 });
  await page.mouse.up();
  seen.dragged = await mixOf(page);
  await page.getByLabel("Word map").press("ArrowLeft");
  seen.moved_by_key = await mixOf(page);
  await page.keyboard.press("Control+z");
  seen.undone = await mixOf(page);
  await page.keyboard.press("Control+z");
  seen.undone_drag = await mixOf(page);
  await page.keyboard.press("Shift+Control+z");
  seen.redone = await mixOf(page);
}

async function byHand(page) {
  await page.getByLabel("Intensity", { exact: true }).focus();
  await page.keyboard.press("]");
  await page.keyboard.press("]");
  seen.intensity = await page.getByLabel("Intensity", { exact: true }).inputValue();
  await page.getByLabel("Second word").selectOption("muddy");
  await page.getByRole("radio", { name: "Less" }).check();
  seen.second = await mixOf(page);
  const handle = page.getByRole("slider", { name: "Band 3" });
  const before = Number(await page.getByLabel("Band 3 gain in dB").inputValue());
  await handle.press("ArrowUp");
  seen.handle_moved_db = Number(await page.getByLabel("Band 3 gain in dB").inputValue()) - before;
  await handle.press("Home");
  await page.getByLabel("Band 1 frequency in Hz").fill("123");
  await page.getByLabel("Band 1 frequency in Hz").blur();
  const { x, y, width, height } = await page.getByRole("slider", { name: "Band 2" }).locator(".dot").boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y - 40, { steps: 5 });
  await page.mouse.up();
  await page.mouse.wheel(0, -200);
  seen.bands = await bandsOf(page);
}

function bandsOf(page) {
  return page
    .locator(".bands tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("input[type=number]")].map((field) => Number(field.value))));
}

async function saved(page) {
  seen.files = {};
  for (const [kind, button] of [
    ["preset", "Preset (.semeq.json)"],
    ["wave24", "WAV, 24 bit"],
    ["float32", "WAV, 32-bit float"],
    ["state", "State file"],
  ]) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
    seen.files[kind] = `${kind}-${file.suggestedFilename()}`;
    await file.saveAs(join(folder, seen.files[kind]));
  }
  await page.getByRole("option", { name: "bright 460" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Preset (.semeq.json)" }).click()]);
  seen.files.words = `words-${file.suggestedFilename()}`;
  await file.saveAs(join(folder, seen.files.words));
  await page.keyboard.press("Control+z");
}

async function recalled(page) {
  await page.waitForTimeout(600); // the address follows a moment later
  seen.link = await page.evaluate(() => location.hash);
  const other = await opened(address + seen.link);
  seen.mix_by_link = [await mixOf(page), await mixOf(other)];
  seen.bands_by_link = await bandsOf(other);
  await other.getByRole("button", { name: "Clear" }).click();
  await drop(other, seen.files.state, "application/json");
  await other.waitForFunction(() => document.querySelector("[data-testid=mix]").textContent !== "no word yet");
  seen.mix_by_file = await mixOf(other);
  await other.close();
  const wrong = await opened(`${address}#words=wram:1`);
  seen.wrong_link = await noticeOf(wrong);
  await wrong.close();
}

async function refused(page) {
  await page.getByLabel("Say what you want").fill("zzyzx");
  await page.keyboard.press("Enter");
  await page.locator(".notice.error").waitFor();
  seen.unknown_word = await noticeOf(page);
  await page.getByRole("button", { name: "Dismiss the message" }).click();
  await drop(page, "broken.wav");
  await page.locator(".notice.error").waitFor();
  seen.broken_file = await noticeOf(page);
  seen.clip_after_broken = await page.locator(".clip-name").innerText();
  await page.getByRole("button", { name: "Dismiss the message" }).click();
}

async function withoutWorklets() {
  const page = await browser.newPage();
  await page.addInitScript(() => Object.defineProperty(BaseAudioContext.prototype, "audioWorklet", { value: undefined }));
  await page.goto(address);
  await page.getByRole("button", { name: "Drums" }).click();
  await page.locator(".notice.error").waitFor();
  seen.no_worklets = await noticeOf(page);
  await page.close();
}

async function judgedByAxe(page) {
  seen.axe = {};
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    seen.axe[colorScheme] = await violations(page);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  seen.axe.phone = await violations(page);
  seen.phone_scrolls_sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("switch", { name: "Listen first" }).click();
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  seen.axe.help = await violations(page);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => /×/.test(document.querySelector("[data-testid=dose]").textContent));
  seen.dose = await page.getByTestId("dose").innerText();
}

async function withALongSound() {
  const page = await opened(address);
  await page.getByRole("button", { name: "Drums" }).click();
  await page.locator(".clip-name", { hasText: "Drums" }).waitFor();
  await page.getByRole("switch", { name: "Listen first" }).click();
  const compared = () => page.getByLabel("Compared with").inputValue();
  seen.compared_with = [await compared()];
  const picker = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Open a sound" }).click();
  const start = performance.now();
  await (await picker).setFiles(join(folder, "long.wav"));
  await page.locator(".clip-name", { hasText: "long.wav · 48.0 kHz" }).waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.waitForFunction(() => Number(document.querySelector(".position").value) > 0);
  seen.long_seconds = (performance.now() - start) / 1_000;
  seen.compared_with.push(await compared());
  await page.close();
}
