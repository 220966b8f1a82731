/** What hands can do to the document: words, map, amounts, bands, undo, links. Every change is a step of undo. */

import { PhraseError, readPhrase, suggest } from "../phrases";
import type { Band, Model } from "../runtime/semeq";
import type { Point, StudioData, Word } from "./data";
import type { StudioDocument } from "./document/document";
import { editedEq, editTo, isEdited, MAX_INTENSITY, MAX_SECOND, mixText, START, wholeMix } from "./document/document";
import { History } from "./document/history";
import type { Recalled } from "./document/link";
import { fromHash, toHash } from "./document/link";
import type { StudioStore } from "./state";
import { say, sayError } from "./state";
import type { Extent } from "./words/blend";
import { blendAt, extentOf } from "./words/blend";
import type { Meaning } from "./words/meaning";

const LINK_AFTER_MS = 400;
const MAP_MARGIN = 0.07;
const MOST_SUGGESTIONS = 8;
const EDITS_GONE = "the bands follow the new words: undo brings your changes back";

export class Studio {
  private readonly history = new History<StudioDocument>(START);
  /** The words that the map blends, with their places. */
  readonly landmarks: ReadonlyMap<string, Point>;
  /** What the map shows. */
  readonly extent: Extent;
  private linkTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly store: StudioStore,
    readonly data: StudioData,
    private readonly model: Model,
    private readonly meaning: Meaning,
  ) {
    this.landmarks = landmarksOf(data.words, data.map.points);
    this.extent = extentOf(this.landmarks.values(), MAP_MARGIN);
  }

  /** Take one word alone, as people meant it. */
  chooseWord(word: string): void {
    this.take({ mix: { [word]: 1 }, pad: this.data.map.points[word] ?? null, phrase: null }, word, "");
  }

  /** Take the words around a point of the map. */
  movePad(point: Point): void {
    const mix = blendAt(point, this.landmarks, this.extent);
    this.take({ mix, pad: point, phrase: null }, `map: ${mixText(mix)}`, "map");
  }

  /** Take what a phrase says; what it does not know becomes a notice. Returns whether it was understood. */
  search(text: string, guess = false): boolean {
    try {
      const { mix, says } = readPhrase(text, this.data.phrases, { guess });
      const words = Object.keys(mix);
      const pad = words.length === 1 ? (this.data.map.points[words[0] ?? ""] ?? null) : null;
      this.take({ mix, pad, phrase: text }, `"${text}"`, "");
      this.store.update({ says, doubtful: null });
      return true;
    } catch (error) {
      this.store.update({ doubtful: error instanceof PhraseError && error.code === "doubtful-term" ? text : null });
      sayError(this.store, inThePage(error));
      return false;
    }
  }

  /** Return what a person may be about to write. */
  suggestions(typed: string): readonly string[] {
    return typed.trim() === "" ? [] : suggest(typed, this.data.phrases, MOST_SUGGESTIONS);
  }

  setIntensity(intensity: number): void {
    const clamped = Math.min(Math.max(intensity, -MAX_INTENSITY), MAX_INTENSITY);
    this.apply({ ...this.doc, intensity: clamped }, `intensity ${clamped.toFixed(2)}`, "intensity");
  }

  /** Take a second word, or none; the first one comes by half, another takes the place and the amount of the one before. */
  setSecond(word: string | null): void {
    const amount = this.doc.second?.amount ?? 0.5;
    this.take({ second: word === null ? null : { word, amount } }, word === null ? "no second word" : `second word ${word}`, "");
  }

  setSecondAmount(amount: number): void {
    if (this.doc.second === null) return;
    const clamped = Math.min(Math.max(amount, -MAX_SECOND), MAX_SECOND);
    this.take({ second: { ...this.doc.second, amount: clamped } }, `${clamped < 0 ? "less" : "more"} ${this.doc.second.word}`, "second");
  }

  /** Change one band by hand. */
  editBand(place: number, wanted: Partial<Band>): void {
    const band = this.store.state.wordsEq.bands[place];
    if (band === undefined) return;
    const edits = { ...this.doc.edits, [place]: editTo(band, wanted, this.doc.edits[place]) };
    this.apply({ ...this.doc, edits }, `band ${place + 1}`, `band ${place} ${Object.keys(wanted).join(" ")}`);
  }

  /** Give one band, or all, back to the words. */
  resetBands(place?: number): void {
    const rest = Object.entries(this.doc.edits).filter(([i]) => place !== undefined && Number(i) !== place);
    this.apply(
      { ...this.doc, edits: Object.fromEntries(rest) },
      place === undefined ? "all bands as the words say" : `band ${place + 1} as the words say`,
      "",
    );
  }

  /** End a drag: what follows is a step of its own. */
  endGesture(): void {
    this.history.seal();
  }

  undo(): void {
    this.step(this.history.undo(), "undone", "nothing to undo");
  }

  redo(): void {
    this.step(this.history.redo(), "done again", "nothing to do again");
  }

  clear(): void {
    this.apply(START, "no words", "");
  }

  /** Take what a link or file says; false, with a notice, if this model cannot. */
  recall(recalled: Recalled): boolean {
    return this.apply(recalled.doc, "recalled state", "");
  }

  /** Take what the page's own address says; null where it says nothing. */
  recallHash(hash: string): Recalled | null {
    if (hash.length < 2) return null;
    try {
      const recalled = fromHash(hash);
      return this.recall(recalled) ? recalled : null;
    } catch (error) {
      sayError(this.store, error);
      return null;
    }
  }

  /** What a link or file recalls. */
  get recalled(): Recalled {
    return { doc: this.doc, example: this.store.state.clip?.example ?? null };
  }

  /** Have the address say what is heard, a moment later: browsers refuse addresses that change all the time. */
  writeLink(): void {
    clearTimeout(this.linkTimer);
    this.linkTimer = setTimeout(() => history.replaceState(null, "", `#${toHash(this.recalled)}`), LINK_AFTER_MS);
  }

  /** Return the curve of an EQ in dB at frequencies. */
  responseDb(eq: Parameters<Model["responseDb"]>[0], freqsHz: Float64Array, sampleRateHz: number): Float64Array {
    return this.model.responseDb(eq, freqsHz, sampleRateHz);
  }

  private get doc(): StudioDocument {
    return this.history.value;
  }

  /** Change words: what hands did to the bands of the old ones goes. */
  private take(change: Partial<StudioDocument>, label: string, gesture: string): void {
    const hadEdits = isEdited(this.doc);
    if (this.apply({ ...this.doc, ...change, edits: {} }, label, gesture) && hadEdits) say(this.store, EDITS_GONE);
  }

  private apply(doc: StudioDocument, label: string, gesture: string): boolean {
    if (!this.show(doc)) return false;
    this.history.push(doc, label, gesture, performance.now());
    if (this.store.state.notice?.kind === "error") this.store.update({ notice: null }); // it was about something else
    this.store.update({ canUndo: this.history.canUndo, canRedo: this.history.canRedo, ...(doc.phrase === null ? { says: [] } : {}) });
    this.writeLink();
    return true;
  }

  private step(label: string | null, done: string, nothing: string): void {
    if (label === null) return say(this.store, nothing);
    this.show(this.doc);
    this.store.update({ canUndo: this.history.canUndo, canRedo: this.history.canRedo, says: [] });
    this.writeLink();
    say(this.store, `${done}: ${label}`);
  }

  private show(doc: StudioDocument): boolean {
    try {
      const mix = wholeMix(doc);
      const words = this.meaning.eqFor(mix, doc.intensity);
      this.store.update({ doc, mix, wordsEq: words, eq: editedEq(words, doc.edits) });
      return true;
    } catch (error) {
      sayError(this.store, error);
      return false;
    }
  }
}

/** Return an error of the grammar in the words of the page: what the command line calls by its own names has others here. */
function inThePage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(": use `guess` to take it all the same", "").replace("; see: semeq-export terms", ": see the list of words");
}

function landmarksOf(words: readonly Word[], points: StudioData["map"]["points"]): ReadonlyMap<string, Point> {
  const result = new Map<string, Point>();
  for (const { word, agreed, language } of words) {
    const point = points[word];
    if (agreed && point !== undefined && language === "en" && !word.includes("@")) result.set(word, point);
  }
  return result;
}
