/** Starts the page: data, model, parts, first view. What fails here is said in the page in one line. */

import { render } from "preact";
import type { ModelFiles } from "../runtime/semeq";
import { Model } from "../runtime/semeq";
import { readData } from "./data";
import { Saver } from "./save/saver";
import { Server } from "./server/api";
import { Exporter } from "./server/exporter";
import { Sound } from "./sound";
import { newStore } from "./state";
import { Studio } from "./studio";
import { App } from "./view/App";
import { startTheme } from "./view/theme";
import { Meaning } from "./words/meaning";

async function start(root: HTMLElement): Promise<void> {
  startTheme();
  const data = await readData(document);
  const files: ModelFiles = { wasm: data.wasm, decoder: data.decoder, centroids: data.centroids, manifest: data.manifest };
  const model = await Model.load(files);
  const store = newStore();
  const meaning = new Meaning(model, data.phrases);
  const studio = new Studio(store, data, model, meaning);
  const sound = new Sound(store, model, meaning, files, data.references);
  const saver = new Saver(store, data, meaning, studio, sound);
  const exporter = data.server === null ? null : new Exporter(store, new Server(data.server.token), () => saver.name);
  render(<App parts={{ data, store, studio, sound, saver, exporter }} />, root);
  const recall = async (): Promise<void> => {
    const recalled = studio.recallHash(location.hash);
    if (recalled?.example != null && recalled.example !== store.state.clip?.example) await sound.openExample(recalled.example, false);
  };
  window.addEventListener("hashchange", () => void recall());
  await recall();
}

const root = document.getElementById("studio") as HTMLElement;
start(root).catch((error: unknown) => {
  root.textContent = `The studio cannot start: ${error instanceof Error ? error.message : String(error)}`;
  root.setAttribute("role", "alert");
});
