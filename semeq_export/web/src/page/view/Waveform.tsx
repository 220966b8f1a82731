/** The clip as a picture: where it plays, and which part of it in a loop. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Clip } from "../audio/clip";
import type { Region } from "../audio/player";
import type { Size } from "./context";
import { clearedCanvas, colour, useParts, useSize, useStudio } from "./context";
import { Button, NumberField } from "./controls";

const COLUMNS = 600; // a column longer than a period of a voice: its picture has no gaps
const DRAG_PX = 5;
const SPOKEN_MS = 1_000;
const KEY_STEPS_S: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
};

export function Waveform({ clip }: { clip: Clip }): JSX.Element {
  const { sound } = useParts();
  const { region, playing } = useStudio();
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const drag = useRef<{ from: number; x: number } | null>(null);
  const [drawn, setDrawn] = useState<Region | null>(null); // while it is being drawn, what plays goes on
  const secondsAt = (event: PointerEvent): number => {
    const { left, width } = (box.current as HTMLDivElement).getBoundingClientRect();
    return (Math.min(Math.max(event.clientX - left, 0), width) / width) * clip.seconds;
  };
  const shown = drawn ?? region;
  const percent = (seconds: number): string => `${(100 * seconds) / clip.seconds}%`;
  return (
    <div class="waveform">
      <div
        class="picture"
        ref={box}
        onPointerDown={(event) => {
          if (event.button !== 0 || event.target instanceof HTMLInputElement) return; // the position has its own hand
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { from: secondsAt(event), x: event.clientX };
        }}
        onPointerMove={(event) => {
          if (drag.current === null || Math.abs(event.clientX - drag.current.x) < DRAG_PX) return;
          setDrawn(sorted(drag.current.from, secondsAt(event)));
        }}
        onPointerUp={(event) => {
          if (drawn !== null) sound.setRegion(drawn);
          else if (drag.current !== null) sound.seek(secondsAt(event));
          drag.current = null;
          setDrawn(null);
        }}
        onPointerCancel={() => {
          drag.current = null;
          setDrawn(null);
        }}
        onDblClick={() => sound.setRegion(null)}
      >
        <Peaks clip={clip} size={size} />
        {shown !== null && <div class="region" style={{ left: percent(shown.start), width: percent(shown.end - shown.start) }} />}
        <Playhead seconds={clip.seconds} playing={playing} />
      </div>
      <div class="loop">
        <span class="label">Loop</span>
        <NumberField
          label="Loop from, in seconds"
          unit="s"
          value={region?.start ?? 0}
          min={0}
          max={clip.seconds}
          step={0.1}
          digits={2}
          onChange={(start) => sound.setRegion({ start, end: region?.end ?? clip.seconds })}
        />
        <span class="quiet">to</span>
        <NumberField
          label="Loop to, in seconds"
          unit="s"
          value={region?.end ?? clip.seconds}
          min={0}
          max={Math.ceil(clip.seconds * 100) / 100}
          step={0.1}
          digits={2}
          onChange={(end) => sound.setRegion({ start: region?.start ?? 0, end })}
        />
        <Button class="small" disabled={region === null} onClick={() => sound.setRegion(null)}>
          All of it
        </Button>
        <span class="quiet fine wide-only">Drag over the picture to loop a part.</span>
      </div>
    </div>
  );
}

function sorted(a: number, b: number): Region {
  return { start: Math.min(a, b), end: Math.max(a, b) };
}

/** The place where it plays: a line to look at, a native slider to use. */
function Playhead({ seconds, playing }: { seconds: number; playing: boolean }): JSX.Element {
  const { sound } = useParts();
  const line = useRef<HTMLDivElement>(null);
  const slider = useRef<HTMLInputElement>(null);
  const [position, setPosition] = useState(0);
  useEffect(() => {
    let frame = 0;
    let shownAt = -Infinity;
    const draw = (now: number): void => {
      if (line.current !== null) line.current.style.left = `${(100 * sound.position) / seconds}%`;
      if (slider.current !== null) slider.current.value = String(sound.position);
      if (now - shownAt > SPOKEN_MS) {
        shownAt = now;
        setPosition(sound.position);
      }
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [seconds, sound, playing]);
  return (
    <>
      <div class="playhead" ref={line} />
      <input
        ref={slider}
        class="position"
        type="range"
        aria-label="Position"
        aria-valuetext={`${position.toFixed(1)} of ${seconds.toFixed(1)} seconds`}
        min={0}
        max={seconds}
        step={seconds / 1_000}
        onKeyDown={(event) => {
          const step = KEY_STEPS_S[event.key];
          if (step === undefined) return;
          event.preventDefault();
          sound.seek(sound.position + step);
        }}
        onInput={(event) => sound.seek(Number(event.currentTarget.value))}
      />
    </>
  );
}

function Peaks({ clip, size }: { clip: Clip; size: Size }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const peaks = useMemo(() => peaksOf(clip, COLUMNS), [clip]);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme((count) => count + 1));
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current;
    const context = element === null || size.width === 0 ? null : clearedCanvas(element, size);
    if (element === null || context === null) return;
    context.fillStyle = colour(element, "--wave");
    const middle = size.height / 2;
    for (let x = 0; x < size.width; x += 1) {
      const peak = peakIn(peaks, x / size.width, (x + 1) / size.width);
      const half = Math.max(peak * (middle - 2), 0.5);
      context.fillRect(x, middle - half, 1, 2 * half);
    }
  }, [peaks, size, theme]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

/** Return the largest absolute value of each of so many equal parts, over all channels. */
function peaksOf({ channels }: Clip, columns: number): Float32Array {
  const samples = channels[0]?.length ?? 0;
  const result = new Float32Array(columns);
  for (const channel of channels) {
    for (let i = 0; i < samples; i++) {
      const column = Math.floor((i * columns) / samples);
      const value = Math.abs(channel[i] ?? 0);
      if (value > (result[column] ?? 0)) result[column] = value;
    }
  }
  return result;
}

function peakIn(peaks: Float32Array, from: number, to: number): number {
  let most = 0;
  const last = Math.max(Math.ceil(to * peaks.length), Math.floor(from * peaks.length) + 1);
  for (let i = Math.floor(from * peaks.length); i < Math.min(last, peaks.length); i++) most = Math.max(most, peaks[i] ?? 0);
  return Math.min(most, 1);
}
