/** The live spectrum behind the curve, of what is heard. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Size } from "./context";
import { clearedCanvas, colour, useParts, useStudio } from "./context";
import { freqAt } from "./scales";

const TOP_DB = -10;
const BOTTOM_DB = -100;
const CALM_FRAME_MS = 250;
const DECAY_MS = 1_500;
export const SPECTRUM_LABELS_DB = [-20, -40, -60, -80] as const;

export function spectrumY(levelDb: number, height: number): number {
  return ((TOP_DB - levelDb) / (TOP_DB - BOTTOM_DB)) * height;
}

export function Spectrum({ size }: { size: Size }): JSX.Element {
  const { sound } = useParts();
  const { playing } = useStudio();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null || size.width === 0) return undefined;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const stopAt = performance.now() + DECAY_MS;
    let frame = 0;
    let drawnAt = -Infinity;
    const draw = (now: number): void => {
      if (now - drawnAt >= (calm.matches ? CALM_FRAME_MS : 0)) {
        drawnAt = now;
        paint(element, size, sound.analyser);
      }
      if (playing || now < stopAt) frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [playing, size, sound]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

function paint(canvas: HTMLCanvasElement, size: Size, analyser: AnalyserNode | null): void {
  const context = clearedCanvas(canvas, size);
  if (context === null || analyser === null) return;
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const hzPerBin = analyser.context.sampleRate / analyser.fftSize;
  context.beginPath();
  context.moveTo(0, size.height);
  for (let x = 0; x <= size.width; x += 2) {
    const level = levelBetween(levels, freqAt(x - 1, size.width) / hzPerBin, freqAt(x + 1, size.width) / hzPerBin);
    context.lineTo(x, Math.min(spectrumY(level, size.height), size.height));
  }
  context.lineTo(size.width, size.height);
  context.fillStyle = colour(canvas, "--spectrum");
  context.fill();
}

/** Return the highest level of the bins in a range; between two bins where the range holds none. */
function levelBetween(levels: Float32Array, low: number, high: number): number {
  if (Math.ceil(low) > Math.floor(high)) {
    const below = Math.floor(low);
    const share = (low + high) / 2 - below;
    return Math.max((levels[below] ?? BOTTOM_DB) * (1 - share) + (levels[below + 1] ?? BOTTOM_DB) * share, BOTTOM_DB);
  }
  let most = BOTTOM_DB;
  for (let bin = Math.ceil(low); bin <= high; bin++) most = Math.max(most, levels[bin] ?? BOTTOM_DB);
  return most;
}
