/** The bands on the curve: sliders in two directions for pointers, and by keys for everybody. */

import type { JSX, TargetedPointerEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Band } from "../../runtime/semeq";
import { LIMITS } from "../document/document";
import type { Size } from "./context";
import { useParts, useStudio } from "./context";
import { bandText, freqAt, gainAt, kindText, xOf, yOf } from "./scales";

const SEMITONE = 2 ** (1 / 12);
const Q_STEP = 1.1;

interface HandlesProps {
  readonly size: Size;
  readonly rangeDb: number;
}

export function Handles({ size, rangeDb }: HandlesProps): JSX.Element {
  const { eq } = useStudio();
  return (
    <g class="handles">
      {eq.bands.map((band, place) => (
        <Handle key={place} band={band} place={place} size={size} rangeDb={rangeDb} />
      ))}
    </g>
  );
}

function Handle({ band, place, size: { width, height }, rangeDb }: HandlesProps & { band: Band; place: number }): JSX.Element {
  const { studio } = useParts();
  const group = useRef<SVGGElement>(null);
  const latest = useRef(band);
  latest.current = band;
  useEffect(() => {
    const turn = (event: WheelEvent): void => {
      event.preventDefault(); // the page must not scroll meanwhile: needs a listener that is not passive
      studio.editBand(place, { q: latest.current.q * 2 ** (-event.deltaY / 400) });
    };
    const element = group.current;
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, [studio, place]);

  const drag = (event: TargetedPointerEvent<SVGGElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const { left, top } = (event.currentTarget.ownerSVGElement as SVGSVGElement).getBoundingClientRect();
    studio.editBand(place, { freq_hz: freqAt(event.clientX - left, width), gain_db: gainAt(event.clientY - top, rangeDb, height) });
  };
  const release = (event: TargetedPointerEvent<SVGGElement>): void => {
    event.currentTarget.releasePointerCapture(event.pointerId);
    studio.endGesture();
  };
  return (
    <g
      ref={group}
      class={`handle ${band.enabled === false ? "off" : ""}`}
      transform={`translate(${xOf(band.freq_hz, width)},${yOf(band.gain_db, rangeDb, height)})`}
      role="slider"
      tabindex={0}
      aria-label={`Band ${place + 1}, ${kindText(band.kind)}, gain`}
      aria-valuemin={LIMITS.gain_db[0]}
      aria-valuemax={LIMITS.gain_db[1]}
      aria-valuenow={Number(band.gain_db.toFixed(1))}
      aria-valuetext={bandText(band)}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.focus({ preventScroll: true });
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onPointerUp={release}
      onPointerCancel={release}
      onDblClick={() => studio.resetBands(place)}
      onKeyDown={(event) => {
        const wanted = wantedBy(event, band);
        if (wanted === null) return;
        event.preventDefault();
        if (wanted === "reset") studio.resetBands(place);
        else studio.editBand(place, wanted);
      }}
    >
      <circle class="reach" r={20} />
      <circle class="dot" r={9} />
      <text y={4} text-anchor="middle" aria-hidden="true">
        {place + 1}
      </text>
    </g>
  );
}

/** Return what a key asks of a band; null if nothing. Shift makes steps fine. */
function wantedBy(event: KeyboardEvent, band: Band): Partial<Band> | "reset" | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const step = event.shiftKey ? 0.1 : 0.5;
  const ratio = event.shiftKey ? SEMITONE ** 0.25 : SEMITONE;
  switch (event.key) {
    case "ArrowUp":
      return { gain_db: band.gain_db + step };
    case "ArrowDown":
      return { gain_db: band.gain_db - step };
    case "ArrowRight":
      return { freq_hz: band.freq_hz * ratio };
    case "ArrowLeft":
      return { freq_hz: band.freq_hz / ratio };
    case "PageUp":
      return { q: band.q * Q_STEP };
    case "PageDown":
      return { q: band.q / Q_STEP };
    case "Delete":
    case "Backspace":
      return { enabled: band.enabled === false };
    case "Home":
      return "reset";
    default:
      return null;
  }
}
