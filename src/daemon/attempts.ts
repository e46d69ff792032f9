// Who wants to know that an attempt to refresh a token has ended, whatever came of it.

export interface Attempts {
  /** `listener` is told after each attempt was recorded. Returns the unsubscriber. */
  subscribe(token: string, listener: () => void): () => void;
  readonly ended: (token: string) => void;
}

export function buildAttempts(): Attempts {
  const listeners = new Map<string, Set<() => void>>();
  return {
    subscribe(token, listener) {
      const told = listeners.get(token) ?? new Set();
      listeners.set(token, told.add(listener));
      return () => told.delete(listener);
    },
    ended: (token) => {
      for (const listener of listeners.get(token) ?? []) listener();
    },
  };
}
