/** The EQ's curve over the live spectrum, with its bands as handles. */

import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { heardEq } from "../sound";
import { useParts, useSize, useStudio } from "./context";
import { Handles } from "./Handles";
import { freqAt, LABELLED_HZ, LINES_HZ, rangeFor, xOf, yOf } from "./scales";
import { Spectrum, SPECTRUM_LABELS_DB, spectrumY } from "./Spectrum";

const POINTS = 400;
const DISPLAY_RATE_HZ = 48_000;

export function Curve(): JSX.Element {
  const { studio } = useParts();
  const { eq, wordsEq, clip, listening, dose } = useStudio();
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const rateHz = clip?.sampleRateHz ?? DISPLAY_RATE_HZ;
  const freqsHz = useMemo(() => Float64Array.from({ length: POINTS + 1 }, (_, i) => Math.min(freqAt(i, POINTS), rateHz * 0.499)), [rateHz]);
  const heard = heardEq({ eq, listening, dose });
  const curveDb = useMemo(() => studio.responseDb(heard, freqsHz, rateHz), [heard, freqsHz, rateHz]);
  const wordsDb = useMemo(
    () => (wordsEq === heard ? null : studio.responseDb(wordsEq, freqsHz, rateHz)),
    [wordsEq, heard, freqsHz, rateHz],
  );
  const rangeDb = rangeFor(curveDb, eq.bands);
  const path = (values: Float64Array): string => {
    const points = Array.from(values, (value, i) => `${((i / POINTS) * width).toFixed(1)},${yOf(value, rangeDb, height).toFixed(1)}`);
    return `M${points.join("L")}`;
  };
  return (
    <div class="curve" ref={box}>
      <Spectrum size={{ width, height }} />
      {width > 0 && (
        <svg width={width} height={height} role="group" aria-label="EQ curve with its bands">
          <Grid width={width} height={height} rangeDb={rangeDb} />
          {wordsDb !== null && <path class="words-curve" d={path(wordsDb)} />}
          <path class="curve-fill" d={`${path(curveDb)}L${width},${yOf(0, rangeDb, height)}L0,${yOf(0, rangeDb, height)}Z`} />
          <path class="curve-line" d={path(curveDb)} />
          <Handles size={{ width, height }} rangeDb={rangeDb} />
        </svg>
      )}
    </div>
  );
}

function Grid({ width, height, rangeDb }: { width: number; height: number; rangeDb: number }): JSX.Element {
  const stepDb = rangeDb / (rangeDb % 4 === 0 ? 4 : 3);
  const gains = Array.from({ length: 2 * Math.round(rangeDb / stepDb) - 1 }, (_, i) => rangeDb - (i + 1) * stepDb);
  const labelled = LABELLED_HZ.filter((hz) => width > 480 || ![50, 500, 5_000].includes(hz));
  return (
    <g class="grid" aria-hidden="true">
      {LINES_HZ.map((hz) => (
        <line key={hz} class={LABELLED_HZ.includes(hz as 50) ? "strong" : ""} x1={xOf(hz, width)} x2={xOf(hz, width)} y1={0} y2={height} />
      ))}
      {gains.map((gain) => (
        <line
          key={gain}
          class={gain === 0 ? "zero" : ""}
          x1={0}
          x2={width}
          y1={yOf(gain, rangeDb, height)}
          y2={yOf(gain, rangeDb, height)}
        />
      ))}
      {labelled.map((hz) => (
        <text key={hz} x={xOf(hz, width)} y={height - 6} text-anchor="middle">
          {hz >= 1_000 ? `${hz / 1_000}k` : hz}
        </text>
      ))}
      <text x={width - 6} y={height - 6} text-anchor="end">
        Hz
      </text>
      {gains.map((gain) => (
        <text key={gain} x={6} y={yOf(gain, rangeDb, height) - 4}>
          {gain > 0 ? `+${gain}` : String(gain).replace("-", "−")}
          {gain === 0 ? " dB" : ""}
        </text>
      ))}
      {SPECTRUM_LABELS_DB.map((level) => (
        <text key={level} class="level" x={width - 6} y={spectrumY(level, height) + 4} text-anchor="end">
          {String(level).replace("-", "−")}
          {level === SPECTRUM_LABELS_DB[0] ? " dBFS" : ""}
        </text>
      ))}
    </g>
  );
}
