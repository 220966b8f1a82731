/**
 * Plays the sounds of a trial all at once and in step, and lets one of them through: switching is a crossfade at the same place in the music.
 * What is looped is a copy of the region with short fades at its ends, so that no edge clicks.
 */

const SWITCH_S = 0.012;
const EDGE_S = 0.005;
const SOON_S = 0.03;

interface Voice {
  source: AudioBufferSourceNode;
  gain: GainNode;
}

export class Player {
  readonly #context = new AudioContext();
  readonly #volume: GainNode;
  readonly #decoded = new Map<number, Promise<AudioBuffer>>();
  #voices = new Map<string, Voice>();
  #buffers = new Map<string, AudioBuffer>();
  #region: [number, number] = [0, Infinity];
  #started = 0;
  #heard = "";
  /** Told the name of what is heard, "" for nothing. */
  onChange: ((name: string) => void) | null = null;

  constructor(private readonly audio: readonly string[]) {
    this.#volume = new GainNode(this.#context);
    this.#volume.connect(this.#context.destination);
  }

  /** Make sounds ready: name -> number of the audio. Stops what plays. */
  async load(sounds: ReadonlyMap<string, number>): Promise<void> {
    this.stop();
    const buffers = await Promise.all([...sounds].map(async ([name, index]) => [name, await this.#decode(index)] as const));
    this.#buffers = new Map(buffers);
    this.#region = [0, this.seconds];
  }

  /** Length of the loaded sounds. */
  get seconds(): number {
    return [...this.#buffers.values()][0]?.duration ?? 0;
  }

  get heard(): string {
    return this.#heard;
  }

  /** Where in the sounds it plays, in seconds from their begin. */
  get position(): number {
    const [from, to] = this.#region;
    if (this.#heard === "") return from;
    return from + (Math.max(this.#context.currentTime - this.#started, 0) % Math.max(to - from, 1e-3));
  }

  set volumeDb(gain_db: number) {
    this.#volume.gain.setTargetAtTime(10 ** (gain_db / 20), this.#context.currentTime, 0.02);
  }

  /** Let one sound be heard, from the begin of the region if nothing plays. */
  async hear(name: string): Promise<void> {
    await this.#context.resume();
    if (this.#voices.size === 0) this.#start(name);
    this.#fade(name);
    this.#heard = name;
    this.onChange?.(name);
  }

  stop(): void {
    const end = this.#context.currentTime + SWITCH_S;
    for (const { source, gain } of this.#voices.values()) {
      this.#ramp(gain, 0);
      source.stop(end + SOON_S);
    }
    this.#voices = new Map();
    this.#heard = "";
    this.onChange?.("");
  }

  /** Loop a part only, in seconds; what plays goes on with it. */
  setRegion(from: number, to: number): void {
    this.#region = [from, to];
    const heard = this.#heard;
    if (heard === "") return;
    this.stop();
    void this.hear(heard);
  }

  #start(name: string): void {
    const when = this.#context.currentTime + SOON_S;
    for (const [voice, buffer] of this.#buffers) {
      const source = new AudioBufferSourceNode(this.#context, { buffer: this.#cut(buffer), loop: true });
      const gain = new GainNode(this.#context, { gain: voice === name ? 1 : 0 });
      source.connect(gain).connect(this.#volume);
      source.start(when);
      this.#voices.set(voice, { source, gain });
    }
    this.#started = when;
  }

  #fade(name: string): void {
    for (const [voice, { gain }] of this.#voices) this.#ramp(gain, voice === name ? 1 : 0);
  }

  /** The sounds are versions of one, so a straight crossfade keeps the level. */
  #ramp(gain: GainNode, target: number): void {
    const now = this.#context.currentTime;
    gain.gain.cancelScheduledValues(now);
    gain.gain.setValueAtTime(gain.gain.value, now);
    gain.gain.linearRampToValueAtTime(target, now + SWITCH_S);
  }

  #cut(buffer: AudioBuffer): AudioBuffer {
    const rate = buffer.sampleRate;
    const first = Math.max(Math.round(this.#region[0] * rate), 0);
    const end = Math.min(Math.round(this.#region[1] * rate), buffer.length);
    const part = this.#context.createBuffer(buffer.numberOfChannels, Math.max(end - first, 1), rate);
    const edge = Math.min(Math.round(EDGE_S * rate), part.length >> 1);
    for (let channel = 0; channel < part.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel).slice(first, end);
      for (let index = 0; index < edge; index++) {
        const level = 0.5 - 0.5 * Math.cos((Math.PI * (index + 0.5)) / edge);
        samples[index] = (samples[index] ?? 0) * level;
        samples[samples.length - 1 - index] = (samples[samples.length - 1 - index] ?? 0) * level;
      }
      part.copyToChannel(samples, channel);
    }
    return part;
  }

  #decode(index: number): Promise<AudioBuffer> {
    let found = this.#decoded.get(index);
    if (found === undefined) {
      const text = atob(this.audio[index] ?? "");
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      found = this.#context.decodeAudioData(bytes.buffer);
      this.#decoded.set(index, found);
    }
    return found;
  }
}
