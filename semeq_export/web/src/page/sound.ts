/** What is heard: the clip, playing it, before and after, loudness, listening. Follows the document by itself. */

import type { Eq, Model, ModelFiles, Monitor } from "../runtime/semeq";
import type { Clip } from "./audio/clip";
import { readClip } from "./audio/clip";
import { exampleClip, EXAMPLES } from "./audio/examples";
import { Meter } from "./audio/meter";
import type { Region } from "./audio/player";
import { Player } from "./audio/player";
import { isEdited, scaledEq } from "./document/document";
import type { State, StudioStore } from "./state";
import { say, sayError } from "./state";
import type { Meaning } from "./words/meaning";

const MIN_REGION_S = 0.05;
const DOSE_STEP = 0.05;
const FIRST_EXAMPLE = "drums";
const NEXT: Readonly<Record<Monitor, string>> = {
  eq: "after: with the EQ",
  dry: "before: without the EQ",
  delta: "difference: only what the EQ changes",
};

export class Sound {
  private readonly player: Player;
  private readonly meter: Meter;
  private seen: Pick<
    State,
    "eq" | "mix" | "region" | "clip" | "monitor" | "matched" | "loudness" | "listening" | "reference" | "dose"
  > | null = null;
  private loads = 0;
  /** Whether the reference came with an example, and was not chosen. */
  private isReferenceOfExample = false;

  constructor(
    private readonly store: StudioStore,
    model: Model,
    private readonly meaning: Meaning,
    files: ModelFiles,
    private readonly references: Readonly<Record<string, string>>,
  ) {
    this.player = new Player(model);
    this.player.onDose = (dose) => store.update({ dose });
    this.player.onError = (error) => sayError(store, error);
    this.meter = new Meter(
      files,
      (loudness) => store.update({ loudness }),
      (error) => sayError(store, error),
    );
    store.subscribe(() => this.follow());
  }

  /** Take a person's own file, and play it where the browser lets a page begin. */
  async open(file: File): Promise<void> {
    const { clip } = this.store.state;
    await this.load(file.name, () => readClip(file), navigator.userActivation?.hasBeenActive ?? false);
    if (this.isReferenceOfExample && this.store.state.clip !== clip) this.setReference("any");
  }

  /** Take a built-in example. */
  async openExample(id: string, andPlay: boolean): Promise<void> {
    const example = EXAMPLES.find((one) => one.id === id);
    if (example === undefined) return sayError(this.store, `there is no example ${JSON.stringify(id)}`);
    await this.load(
      example.title,
      async () => {
        await new Promise((done) => setTimeout(done)); // so that "loading" is drawn first
        return exampleClip(id) as Clip;
      },
      andPlay,
    );
    if (this.references[example.reference] === undefined) return;
    this.store.update({ reference: example.reference });
    this.isReferenceOfExample = true;
  }

  async toggle(): Promise<void> {
    if (this.player.playing) this.pause();
    else await this.play();
  }

  async play(): Promise<void> {
    if (this.store.state.clip === null) return await this.openExample(FIRST_EXAMPLE, true);
    try {
      await this.player.play();
      this.store.update({ playing: this.player.playing });
    } catch (error) {
      sayError(this.store, error);
    }
  }

  pause(): void {
    this.player.pause();
    this.store.update({ playing: false });
  }

  seek(seconds: number): void {
    const length = this.store.state.clip?.seconds ?? 0;
    this.player.seek(Math.min(Math.max(seconds, 0), Math.max(length - 0.01, 0)));
  }

  get position(): number {
    return this.player.position;
  }

  get analyser(): AnalyserNode | null {
    return this.player.analyser;
  }

  setMonitor(monitor: Monitor): void {
    this.store.update({ monitor });
    say(this.store, NEXT[monitor]);
  }

  setMatched(matched: boolean): void {
    this.store.update({ matched });
  }

  /** Play one part of the clip in a loop, or all of it; parts too short to be one are all of it. */
  setRegion(region: Region | null): void {
    const { clip } = this.store.state;
    if (clip === null) return;
    const start = Math.min(Math.max(region?.start ?? 0, 0), clip.seconds);
    const end = Math.min(Math.max(region?.end ?? clip.seconds, 0), clip.seconds);
    const isPart = region !== null && end - start >= MIN_REGION_S && end - start < clip.seconds - 1e-6;
    this.player.setRegion(isPart ? { start, end } : null);
    this.store.update({ region: isPart ? { start, end } : null });
  }

  setListening(listening: boolean): void {
    this.store.update({ listening, dose: null });
  }

  setReference(reference: string): void {
    this.isReferenceOfExample = false;
    this.store.update({ reference, dose: null });
  }

  /** Return the whole clip with what is heard now. */
  async render(): Promise<Float32Array[]> {
    return await this.meter.render(heardEq(this.store.state));
  }

  private async load(name: string, read: () => Promise<Clip>, andPlay: boolean): Promise<void> {
    const load = ++this.loads;
    const wasPlaying = this.player.playing;
    this.store.update({ loading: name });
    try {
      const clip = await read();
      if (load !== this.loads) return; // another one was chosen meanwhile
      await this.player.load(clip);
      if (load !== this.loads) return;
      this.meter.setClip(clip);
      this.seen = null;
      this.store.update({ clip, loading: null, playing: false, region: null, loudness: null, dose: null });
      say(this.store, clip.note ?? `${clip.name} is loaded: ${clip.seconds.toFixed(1)} s, ${clip.sampleRateHz / 1000} kHz`);
      if (wasPlaying || andPlay) await this.play();
    } catch (error) {
      if (load !== this.loads) return;
      this.store.update({ loading: null, playing: false });
      sayError(this.store, error);
    }
  }

  private follow(): void {
    const { state } = this.store;
    const { seen } = this;
    if (state.clip === null) return;
    this.seen = state;
    if (seen?.listening !== state.listening || seen.reference !== state.reference) {
      this.player.setListening(state.listening, this.references[state.reference]);
    }
    if (seen?.eq !== state.eq || seen.listening !== state.listening) this.sendEq(state);
    const step = doseStep(state);
    if (seen?.eq !== state.eq || seen.region !== state.region || seen.clip !== state.clip || step !== doseStep(seen)) {
      this.meter.measure(state.eq, scaledEq(state.eq, step), state.region);
    }
    if (seen?.monitor !== state.monitor || seen.matched !== state.matched || seen.loudness !== state.loudness) {
      this.player.setMonitor(state.monitor, state.monitor === "eq" ? matchingGainDb(state) : 0);
    }
  }

  private sendEq({ listening, doc, mix, eq }: State): void {
    // where it listens, the dose is counted in units of the words, so it is told the words
    if (listening && !isEdited(doc) && Object.keys(mix).length > 0 && this.meaning.isTaught(mix)) this.player.setMix(mix, doc.intensity);
    else this.player.setEq(eq);
  }
}

/** Return the present dose in steps that are worth measuring again, 1 where it does not listen. */
function doseStep({ listening, dose }: Pick<State, "listening" | "dose">): number {
  return listening && dose !== null ? Math.round(dose.factor / DOSE_STEP) * DOSE_STEP : 1;
}

/** Return what is heard now: with the present dose where it listens. */
export function heardEq({ eq, listening, dose }: Pick<State, "eq" | "listening" | "dose">): Eq {
  return listening && dose !== null ? scaledEq(eq, dose.factor) : eq;
}

/** Return the gain that makes after as loud as before, 0 where that is not wanted or not known. */
export function matchingGainDb({ matched, loudness }: Pick<State, "matched" | "loudness">): number {
  if (!matched || loudness === null) return 0;
  const change = loudness.beforeLufs - loudness.afterLufs;
  return Number.isFinite(change) ? change : 0;
}
