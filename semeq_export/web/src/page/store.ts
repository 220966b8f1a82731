/** One state, replaced as a whole, with a hook for views. */

import { useLayoutEffect, useState } from "preact/hooks";

export class Store<State extends object> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: State) {}

  get state(): State {
    return this.current;
  }

  update(change: Partial<State>): void {
    this.current = { ...this.current, ...change };
    for (const listener of [...this.listeners]) listener();
  }

  /** Return a function that ends it. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Draw the view anew whenever the state changes, and return it. */
export function useStore<State extends object>(store: Store<State>): State {
  const [state, setState] = useState(store.state);
  useLayoutEffect(() => {
    const follow = (): void => setState(store.state);
    follow(); // what changed since it was drawn
    return store.subscribe(follow);
  }, [store]);
  return state;
}
