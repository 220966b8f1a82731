/** Saves what is heard: preset, sound, state, link. Says in one line what was saved and what it could not hold. */

import type { StudioData } from "../data";
import type { Depth } from "../audio/wav";
import { waveOf } from "../audio/wav";
import { isEdited, mixText } from "../document/document";
import { fromFile, toFile, toHash } from "../document/link";
import type { Sound } from "../sound";
import { heardEq } from "../sound";
import type { StudioStore } from "../state";
import { say, sayError } from "../state";
import type { Studio } from "../studio";
import type { Meaning } from "../words/meaning";
import { download, fileStem, withoutEnding } from "./download";
import { presetText } from "./preset";

const PRESET_RATE_HZ = 48_000;

export class Saver {
  constructor(
    private readonly store: StudioStore,
    private readonly data: StudioData,
    private readonly meaning: Meaning,
    private readonly studio: Studio,
    private readonly sound: Sound,
  ) {}

  /** A name for what is heard, by its words. */
  get name(): string {
    const { mix, doc } = this.store.state;
    const words = Object.keys(mix).length === 0 ? "flat" : mixText(mix);
    return doc.intensity === 1 ? words : `${words} x ${Number(doc.intensity.toFixed(2))}`;
  }

  savePreset(): void {
    const { doc, mix, clip, listening, dose } = this.store.state;
    const areWords = !isEdited(doc) && Object.keys(mix).length > 0 && !(listening && dose !== null);
    const bundle = this.data.identity;
    const text = presetText({
      name: this.name,
      sampleRateHz: clip?.sampleRateHz ?? PRESET_RATE_HZ,
      eq: heardEq(this.store.state),
      words: areWords && bundle !== undefined ? { mix, intensity: doc.intensity, bundle, areGuessed: !this.meaning.isTaught(mix) } : null,
    });
    const file = `${fileStem(this.name)}.semeq.json`;
    download(file, text, "application/json");
    say(this.store, `saved ${file}: semeq-export convert makes any other preset of it`);
  }

  async saveWave(depth: Depth): Promise<void> {
    const { clip } = this.store.state;
    if (clip === null) return say(this.store, "nothing to save yet: drop a sound or choose an example", "error");
    try {
      say(this.store, "computing the sound …");
      const { bytes, clipped } = waveOf(await this.sound.render(), clip.sampleRateHz, depth);
      const file = `${fileStem(withoutEnding(clip.name))}-${fileStem(this.name)}.wav`;
      download(file, bytes, "audio/wav");
      if (clipped === 0) say(this.store, `saved ${file}`);
      else say(this.store, `saved ${file}: ${clipped} samples were above full scale and are cut off; 32-bit float holds them`, "error");
    } catch (error) {
      sayError(this.store, error);
    }
  }

  saveState(): void {
    const file = `${fileStem(this.name)}.studio.json`;
    download(file, toFile(this.studio.recalled, this.data.version), "application/json");
    say(this.store, `saved ${file}: drop it on this page to recall it`);
  }

  async openState(file: File): Promise<void> {
    try {
      const recalled = fromFile(await file.text());
      if (!this.studio.recall(recalled)) return;
      if (recalled.example !== null) await this.sound.openExample(recalled.example, false);
      say(this.store, `${file.name} is recalled`);
    } catch (error) {
      sayError(this.store, `${file.name} ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async copyLink(): Promise<void> {
    const url = new URL(location.href);
    url.hash = toHash(this.studio.recalled);
    history.replaceState(null, "", url.hash === "" ? "#" : url.hash);
    const isOwn = this.store.state.clip !== null && this.store.state.clip.example === null;
    const rest = isOwn ? "; your sound itself is not in it" : "";
    try {
      await navigator.clipboard.writeText(url.href);
      say(this.store, `the link is copied${rest}`);
    } catch {
      say(this.store, `the link stands in the address bar: copy it there${rest}`); // no clipboard without permission
    }
  }
}
