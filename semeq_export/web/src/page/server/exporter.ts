/** Exports what is heard through the server: presets of every format, files at full quality. What it could not hold is told. */

import { zipSync } from "fflate";
import { bytesOf } from "../data";
import { waveOf } from "../audio/wav";
import { download } from "../save/download";
import { heardEq } from "../sound";
import type { StudioStore } from "../state";
import { say, sayError } from "../state";
import type { Format, SentFile, Server } from "./api";

const MAX_NAME_CHARS = 120;
const ZIP_TIME = new Date(1980, 0, 1); // the first that a ZIP can hold: equal presets are equal files

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
      const sent = clip.file === null ? waveFile(clip.name, waveOf(clip.channels, clip.sampleRateHz, "float32").bytes) : clip.file;
      const { name, base64, notes } = await this.server.process(await asSent(sent), heardEq(this.store.state));
      download(name, bytesOf(base64), "application/octet-stream");
      say(this.store, `saved ${name}`);
      return notes;
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

function waveFile(stem: string, bytes: Uint8Array<ArrayBuffer>): File {
  return new File([bytes], `${stem}.wav`, { type: "audio/wav" });
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
