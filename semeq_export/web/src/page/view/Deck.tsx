/** The sound: which, where in it, before or after, how loud. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Monitor } from "../../runtime/semeq";
import { EXAMPLES } from "../audio/examples";
import { matchingGainDb } from "../sound";
import { useParts, useStudio } from "./context";
import { Button, Choice, FilePicker, Switch } from "./controls";
import { Icon } from "./Icon";
import { Waveform } from "./Waveform";

const MONITORS: readonly { value: Monitor; text: string; hint: string }[] = [
  { value: "dry", text: "Before", hint: "Without the EQ (A)" },
  { value: "eq", text: "After", hint: "With the EQ (A)" },
  { value: "delta", text: "Difference", hint: "Only what the EQ changes (D)" },
];

export function Deck(): JSX.Element {
  const { sound } = useParts();
  const { clip, playing, loading, monitor } = useStudio();
  return (
    <section class="deck" aria-label="Sound">
      <div class="transport">
        <button
          type="button"
          class="play"
          aria-label={playing ? "Pause" : "Play"}
          title={`${playing ? "Pause" : "Play"} (Space)`}
          onClick={() => void sound.toggle()}
        >
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <Choice label="What is heard" name="monitor" value={monitor} options={MONITORS} onChange={(value) => sound.setMonitor(value)} />
        <Loudness />
      </div>
      <div class="sound">
        <Source />
        {clip === null ? (
          <p class="invitation">
            {loading === null ? "Drop a sound anywhere on this page, or take one of the examples." : `Loading ${loading} …`}
          </p>
        ) : (
          <Waveform clip={clip} />
        )}
      </div>
    </section>
  );
}

function Source(): JSX.Element {
  const { sound } = useParts();
  const { clip, loading } = useStudio();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <div class="source">
      <FilePicker
        picker={picker}
        accept="audio/*,.wav,.flac,.mp3,.ogg,.opus,.m4a,.aif,.aiff"
        onFile={(file) => {
          void sound.open(file);
        }}
      />
      <Button class="strong" label="Open a sound …" onClick={() => picker.current?.click()}>
        Open<span class="wide-only"> a sound</span> …
      </Button>
      <span class="quiet wide-only">or</span>
      {EXAMPLES.map(({ id, title }) => (
        <Button key={id} class="plain" pressed={clip?.example === id} onClick={() => void sound.openExample(id, true)}>
          {title}
        </Button>
      ))}
      {clip !== null && (
        <span class="clip-name">
          {loading === null ? `${clip.name} · ${(clip.sampleRateHz / 1000).toFixed(1)} kHz` : `Loading ${loading} …`}
        </span>
      )}
    </div>
  );
}

function Loudness(): JSX.Element {
  const { sound } = useParts();
  const { loudness, matched, clip, eq, region } = useStudio();
  const text = loudness === null ? (clip === null ? "" : "measuring …") : loudnessText(loudness.beforeLufs, loudness.afterLufs);
  const gain = matchingGainDb({ matched, loudness });
  return (
    <div class="loudness">
      <Switch
        label="Equal loudness"
        hint="Turns the EQ's side up or down until both are as loud (M)"
        on={matched}
        onChange={(on) => sound.setMatched(on)}
      />
      <output class="figures" data-testid="loudness" aria-busy={loudness?.eq !== eq || loudness.region !== region}>
        {text}
        {loudness !== null && matched && Number.isFinite(loudness.afterLufs) && <> trim <strong>{signed(gain)} LU</strong></>}
      </output>
    </div>
  );
}

function loudnessText(before: number, after: number): string {
  if (!Number.isFinite(before) || !Number.isFinite(after)) return "too short or too quiet to measure";
  return `${signed(before)} → ${signed(after)} LUFS`;
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(1);
  return text === "0.0" ? text : `${value < 0 ? "−" : "+"}${text}`;
}
