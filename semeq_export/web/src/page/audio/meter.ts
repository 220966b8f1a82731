/** The page's end of `meter.worker.ts`: questions as promises; of several loudness questions only the last one is worth an answer. */

import source from "worker:./meter.worker.ts";
import type { Eq, ModelFiles } from "../../runtime/semeq";
import type { Clip } from "./clip";
import type { Answer, Loudness, Request } from "./meter.worker";
import type { Region } from "./player";

/** Before and after of one EQ, in one part of the clip. */
export interface Measured extends Loudness {
  /** What was asked for; where the page listens, its dose was measured. */
  readonly eq: Eq;
  readonly region: Region | null;
}

type Question = Request extends infer One ? (One extends Request ? Omit<One, "id"> : never) : never;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class Meter {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private isMeasuring = false;
  private next: { eq: Eq; heard: Eq; region: Region | null } | null = null;

  constructor(
    files: ModelFiles,
    private readonly onLoudness: (measured: Measured) => void,
    private readonly onError: (error: Error) => void,
  ) {
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    this.worker.onerror = (event) => onError(new Error(`loudness cannot be measured here: ${event.message}`));
    this.ask({ what: "model", files }).catch(onError);
  }

  setClip(clip: Clip): void {
    this.ask({ what: "clip", channels: [...clip.channels], sampleRateHz: clip.sampleRateHz }).catch(this.onError);
  }

  /** Ask for the loudness before and after an EQ; answered through `onLoudness`, never twice at once. */
  measure(eq: Eq, heard: Eq, region: Region | null): void {
    this.next = { eq, heard, region };
    if (!this.isMeasuring) void this.measureNext();
  }

  /** Return the whole clip with an EQ. */
  async render(eq: Eq): Promise<Float32Array<ArrayBuffer>[]> {
    return (await this.ask({ what: "render", eq })).channels ?? [];
  }

  private async measureNext(): Promise<void> {
    this.isMeasuring = true;
    try {
      while (this.next !== null) {
        const { eq, heard, region } = this.next;
        this.next = null;
        const { loudness } = await this.ask({ what: "loudness", eq: heard, region });
        if (loudness !== undefined && this.next === null) this.onLoudness({ ...loudness, eq, region });
      }
    } catch (error) {
      this.onError(error as Error);
    } finally {
      this.isMeasuring = false;
    }
  }

  private ask(question: Question): Promise<Answer> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...question, id });
    });
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.error));
  }
}
