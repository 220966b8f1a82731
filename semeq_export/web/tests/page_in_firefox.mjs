/**
 * Loads, plays and saves in Firefox, and prints what it saw as JSON: node --experimental-websocket page_in_firefox.mjs ADDRESS FOLDER
 * FOLDER holds sound.wav. Python judges (tests/studio/test_page_in_firefox.py).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Firefox } from "./firefox.mjs";

const [, , address, folder] = process.argv;
const firefox = await Firefox.launch();
try {
  await firefox.goto(address);
  const seen = await firefox.evaluate(visit, readFileSync(join(folder, "sound.wav")).toString("base64"));
  process.stdout.write(JSON.stringify(seen));
} finally {
  await firefox.close();
}

/** Runs in the page. */
async function visit(base64) {
  const errors = [];
  window.addEventListener("error", (event) => errors.push(event.message));
  const blobs = [];
  const make = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => {
    blobs.push(blob);
    return make(blob);
  };
  HTMLAnchorElement.prototype.click = () => {}; // what is saved is read from its blob
  const until = async (found) => {
    const end = performance.now() + 20_000;
    while (!found()) {
      if (performance.now() > end)
        throw new Error(`not in time: ${found}; the page says ${document.querySelector(".notice")?.textContent}`);
      await new Promise((done) => setTimeout(done, 30));
    }
    return found();
  };
  const button = (name) => [...document.querySelectorAll("button")].find((one) => one.textContent === name || one.ariaLabel === name);
  const save = async (name) => {
    const before = blobs.length;
    button(name).click();
    return await until(() => blobs[before]);
  };
  await until(() => document.querySelector("main"));
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], "sound.wav", { type: "audio/wav" }));
  document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  await until(() => document.querySelector(".position"));
  document.getElementById("word-warm").click();
  button("Play")?.click(); // it plays by itself where a page may
  await until(() => Number(document.querySelector(".position").value) > 0.2);
  await until(() => document.querySelector("[data-testid=loudness][aria-busy=false]"));
  const preset = await (await save("Preset (.semeq.json)")).text();
  const wave = new Uint8Array(await (await save("WAV, 32-bit float")).arrayBuffer());
  let letters = "";
  for (const byte of wave) letters += String.fromCharCode(byte);
  return { errors, preset, wave: btoa(letters), loudness: document.querySelector("[data-testid=loudness]").textContent };
}
