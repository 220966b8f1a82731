/** What every view may use, handed down once. */

import { createContext } from "preact";
import { useContext, useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";
import type { StudioData } from "../data";
import type { Saver } from "../save/saver";
import type { Exporter } from "../server/exporter";
import type { Sound } from "../sound";
import type { State, StudioStore } from "../state";
import { useStore } from "../store";
import type { Studio } from "../studio";

export interface Parts {
  readonly data: StudioData;
  readonly store: StudioStore;
  readonly studio: Studio;
  readonly sound: Sound;
  readonly saver: Saver;
  /** Only where a server answers. */
  readonly exporter: Exporter | null;
}

export const PartsContext = createContext<Parts | null>(null);

export function useParts(): Parts {
  const parts = useContext(PartsContext);
  if (parts === null) throw new Error("a view stands outside of the studio");
  return parts;
}

export function useStudio(): State {
  return useStore(useParts().store);
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Return the size of an element in CSS pixels, as it changes. */
export function useSize(ref: RefObject<Element | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const { width, height } = element.getBoundingClientRect();
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

/** Return the canvas's context at the screen's own resolution, cleared, in CSS pixels. */
export function clearedCanvas(canvas: HTMLCanvasElement, { width, height }: Size): CanvasRenderingContext2D | null {
  const density = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context?.setTransform(density, 0, 0, density, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

/** Return a colour of the theme by its name in the styles. */
export function colour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
