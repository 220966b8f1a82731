/** Undo and redo of one value. Steps of one gesture (a drag, a key held down) count as one. */

interface Step<T> {
  readonly value: T;
  /** What was done to get to this value, in words. */
  readonly label: string;
}

const GESTURE_MS = 700;
const MOST_STEPS = 300;

export class History<T> {
  private past: Step<T>[] = [];
  private future: Step<T>[] = [];
  private current: Step<T>;
  private gesture = "";
  private gestureAt = -Infinity;

  constructor(value: T) {
    this.current = { value, label: "" };
  }

  get value(): T {
    return this.current.value;
  }

  /** Take another value. Steps of the same gesture that follow each other closely become one. */
  push(value: T, label: string, gesture: string, nowMs: number): void {
    const continues = gesture !== "" && gesture === this.gesture && nowMs - this.gestureAt < GESTURE_MS;
    if (!continues) this.past = [...this.past.slice(1 - MOST_STEPS), this.current];
    this.current = { value, label };
    this.future = [];
    this.gesture = gesture;
    this.gestureAt = nowMs;
  }

  /** End a gesture: what follows is a step of its own. */
  seal(): void {
    this.gesture = "";
  }

  /** Return what was undone, in words; null if there was nothing to undo. */
  undo(): string | null {
    const before = this.past.at(-1);
    if (before === undefined) return null;
    this.past = this.past.slice(0, -1);
    this.future = [...this.future, this.current];
    const { label } = this.current;
    this.current = before;
    this.seal();
    return label;
  }

  /** Return what was done again, in words; null if there was nothing. */
  redo(): string | null {
    const next = this.future.at(-1);
    if (next === undefined) return null;
    this.future = this.future.slice(0, -1);
    this.past = [...this.past, this.current];
    this.current = next;
    this.seal();
    return next.label;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }
}
