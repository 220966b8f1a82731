/** The words as places, and a pad between them. */

import type { JSX, TargetedPointerEvent } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Point } from "../data";
import { mixText } from "../document/document";
import { placeIn, pointIn } from "../words/blend";
import type { Size } from "./context";
import { useParts, useSize, useStudio } from "./context";
import { Slider } from "./controls";
import { labelled } from "./labels";

const STEP = 0.02;
const CENTRE: Point = [0.5, 0.5];
const KEYS: Readonly<Record<string, Point>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export function WordMap(): JSX.Element {
  const { studio, data } = useParts();
  const { doc } = useStudio();
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const [across, up] = data.map.axes;
  const place = doc.pad === null ? null : placeIn(studio.extent, doc.pad);
  const at = place ?? CENTRE;
  const move = (to: Point): void => studio.movePad(pointIn(studio.extent, to));
  const percent = (share: number): string => `${Math.round(100 * share)} %`;

  const point = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    move([(event.clientX - left) / width, 1 - (event.clientY - top) / height]);
  };
  return (
    <div class="map">
      <div
        class="pad"
        ref={box}
        role="application"
        tabIndex={0}
        aria-label="Word map"
        aria-roledescription="pad"
        aria-describedby="map-help"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          point(event);
        }}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && point(event)}
        onPointerUp={() => studio.endGesture()}
        onKeyDown={(event) => {
          const direction = KEYS[event.key];
          if (direction === undefined || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          const step = event.shiftKey ? STEP / 4 : STEP;
          move([at[0] + step * direction[0], at[1] + step * direction[1]]);
        }}
      >
        {size.width > 0 && <Words size={size} at={place} />}
        <span class="end left">← {across.low}</span>
        <span class="end right">{across.high} →</span>
        <span class="end top">↑ {up.high}</span>
        <span class="end bottom">↓ {up.low}</span>
      </div>
      <p id="map-help" class="hidden">
        A place between words blends the three nearest. Arrow keys move it, with Shift in small steps.{" "}
        {place === null ? "" : mixText(doc.mix)}
      </p>
      <div class="axes">
        <Slider
          label={`${across.low} – ${across.high}`}
          value={at[0]}
          min={0}
          max={1}
          step={0.01}
          text={`${percent(at[0])} ${across.high}`}
          onInput={(x) => move([x, at[1]])}
          onEnd={() => studio.endGesture()}
        />
        <Slider
          label={`${up.low} – ${up.high}`}
          value={at[1]}
          min={0}
          max={1}
          step={0.01}
          text={`${percent(at[1])} ${up.high}`}
          onInput={(y) => move([at[0], y])}
          onEnd={() => studio.endGesture()}
        />
      </div>
      <p class="quiet fine">
        Words that lie close sound alike: the map holds {percent(across.share + up.share)} of how their curves differ.
      </p>
    </div>
  );
}

function Words({ size, at }: { size: Size; at: Point | null }): JSX.Element {
  const { studio, data } = useParts();
  const { doc, mix } = useStudio();
  const words = useMemo(() => {
    const places = data.words
      .filter(({ word }) => studio.landmarks.has(word))
      .map(({ word, rows }) => {
        const [x, y] = placeIn(studio.extent, studio.landmarks.get(word) ?? [0, 0]);
        return { word, rows, x: x * size.width, y: (1 - y) * size.height };
      });
    return labelled(places, size);
  }, [size, data, studio]);
  const puck = at === null ? null : { x: at[0] * size.width, y: (1 - at[1]) * size.height };
  return (
    <svg width={size.width} height={size.height} aria-hidden="true">
      <line class="axis" x1={0} x2={size.width} y1={size.height / 2} y2={size.height / 2} />
      <line class="axis" x1={size.width / 2} x2={size.width / 2} y1={0} y2={size.height} />
      {puck !== null &&
        words.map(({ word, x, y }) => {
          const share = doc.mix[word] ?? 0;
          return share > 0 ? (
            <line key={word} class="tie" x1={puck.x} y1={puck.y} x2={x} y2={y} style={{ opacity: 0.35 + 0.65 * Math.min(share, 1) }} />
          ) : null;
        })}
      {words.map(({ word, x, y, label, rank }) => {
        const share = mix[word] ?? 0;
        return (
          <g key={word} class={`word rank-${rank} ${share > 0 ? "chosen" : share < 0 ? "less" : ""}`}>
            <circle cx={x} cy={y} r={share === 0 ? 2.5 : 3 + 4 * Math.min(Math.abs(share), 1)} />
            {(label !== null || share !== 0) && (
              <text x={label?.x ?? x + 8} y={label?.y ?? y + 4} text-anchor={label?.anchor ?? "start"}>
                {word}
              </text>
            )}
          </g>
        );
      })}
      {puck !== null && <circle class="puck" cx={puck.x} cy={puck.y} r={9} />}
    </svg>
  );
}
