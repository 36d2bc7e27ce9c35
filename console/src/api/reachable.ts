import { useSyncExternalStore } from 'react';

/** Whether the control plane answered when it was asked last, and when it did for the last time. */
let state: { reachable: boolean; lastAt: number | null } = { reachable: true, lastAt: null };
const listeners = new Set<() => void>();

export function noteReachable(reachable: boolean): void {
  const changed = reachable !== state.reachable;
  state = { reachable, lastAt: reachable ? Date.now() : state.lastAt };
  if (changed) for (const listener of listeners) listener();
}

export function useReachable() {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state.reachable,
  );
}

export const lastAnswerAt = (): number | null => state.lastAt;
