/** Exports what is heard through the server: presets of every format, files at full quality. What it could not hold is told. */

import { zipSync } from "fflate";
import type { Mix } from "../../runtime/semeq";
import type { Clip } from "../audio/clip";
import { bytesOf } from "../data";
import { waveOf } from "../audio/wav";
import { download } from "../save/download";
import { heardEq } from "../sound";
import type { StudioStore } from "../state";
import { say, sayError } from "../state";
import type { Format, SentFile, Server } from "./api";

const MAX_NAME_CHARS = 120;
const ZIP_TIME = new Date(1980, 0, 1); // the first that a ZIP can hold: equal presets are equal files

/** A sound of a session, with its words. */
export interface Track {
  readonly file: File;
  readonly mix: Mix;
}

export class Exporter {
  constructor(
    private readonly store: StudioStore,
    private readonly server: Server,
    private readonly nameNow: () => string,
  ) {}

  async formats(): Promise<readonly Format[]> {
    return await this.server.formats();
  }

  /** Save a preset; returns notes of what the format could not hold. */
  async preset(format: string, lossy: boolean): Promise<readonly string[]> {
    return await this.told(async () => {
      const { files, notes } = await this.server.preset(format, this.name, heardEq(this.store.state), lossy);
      const file = asOneFile(files);
      download(file.name, file.bytes, "application/octet-stream");
      say(this.store, file.isPacked ? `saved ${file.name}: unpack it where the host looks for presets` : `saved ${file.name}`);
      return notes;
    });
  }

  /** Put a preset where its host looks for it; returns notes as `preset` does. */
  async install(format: string, replace: boolean): Promise<readonly string[]> {
    return await this.told(async () => {
      const { installed, notes } = await this.server.install(format, this.name, heardEq(this.store.state), replace);
      say(this.store, `installed ${installed.join(", ")}`);
      return notes;
    });
  }

  /** Send the sound itself, and save what comes back: in its own format, at its own depth, tags included. */
  async process(): Promise<readonly string[]> {
    const { clip } = this.store.state;
    if (clip === null) return [];
    return await this.told(async () => {
      say(this.store, `${clip.name} is being processed …`);
      const { name, base64, notes } = await this.server.process(await asSent(fileOf(clip)), heardEq(this.store.state));
      download(name, bytesOf(base64), "application/octet-stream");
      say(this.store, `saved ${name}`);
      return notes;
    });
  }

  /** Return the sound of now with its words as a track of a session, null where there is no sound. */
  track(): Track | null {
    const { clip, mix, doc } = this.store.state;
    if (clip === null) return null;
    // the intensity is a part of the amounts, so that each track has its own
    const amounts = Object.fromEntries(Object.entries(mix).map(([word, amount]) => [word, amount * doc.intensity]));
    return { file: fileOf(clip), mix: amounts };
  }

  /** Save tracks as one project that DAWs open. */
  async session(name: string, tracks: readonly Track[]): Promise<readonly string[]> {
    return await this.told(async () => {
      say(this.store, "the session is being written …");
      const stems = await Promise.all(
        tracks.map(async ({ file, mix }) => ({ ...(await asSent(file)), mix: Object.keys(mix).length === 0 ? null : mix })),
      );
      const done = await this.server.session(name, stems);
      download(done.name, bytesOf(done.base64), "application/octet-stream");
      say(this.store, `saved ${done.name}: DAWs that read DAWproject open it`);
      return done.notes;
    });
  }

  private get name(): string {
    return this.nameNow().slice(0, MAX_NAME_CHARS);
  }

  private async told(work: () => Promise<readonly string[]>): Promise<readonly string[]> {
    try {
      return await work();
    } catch (error) {
      sayError(this.store, error);
      return [];
    }
  }
}

/** Return a preset as a browser can save it: presets that are folders as a ZIP. */
function asOneFile(files: readonly SentFile[]): { name: string; bytes: Uint8Array<ArrayBuffer>; isPacked: boolean } {
  const [first] = files;
  if (first !== undefined && files.length === 1 && !first.name.includes("/"))
    return { name: first.name, bytes: bytesOf(first.base64), isPacked: false };
  const packed = zipSync(Object.fromEntries(files.map(({ name, base64 }) => [name, bytesOf(base64)])), { mtime: ZIP_TIME });
  return { name: `${first?.name.split("/")[0] ?? "preset"}.zip`, bytes: new Uint8Array(packed), isPacked: true };
}

/** Return the file of a clip; an example, which has none, as a wave. */
function fileOf({ file, name, channels, sampleRateHz }: Clip): File {
  return file ?? new File([waveOf(channels, sampleRateHz, "float32").bytes], `${name}.wav`, { type: "audio/wav" });
}

async function asSent(file: File): Promise<SentFile> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read any more: open it again`));
    reader.readAsDataURL(file);
  });
  return { name: file.name, base64: url.slice(url.indexOf(",") + 1) };
}
