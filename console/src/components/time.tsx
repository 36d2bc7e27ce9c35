import { useSyncExternalStore } from 'react';
import { usePreferences } from '@/app/preferences';
import { between, formatDuration, formatRelative, formatTime, formatUtc } from '@/lib/time';

// One clock for all that shows time: it stands still while nobody looks.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function tick() {
  if (document.visibilityState === 'hidden') return;
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  if (!timer) {
    timer = setInterval(tick, 1000);
    document.addEventListener('visibilitychange', tick);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
      document.removeEventListener('visibilitychange', tick);
    }
  };
}

const still = () => () => {};

/** The time, once a second; standing still where nothing moves, so that nothing is drawn for it. */
export function useNow(moving = true): number {
  return useSyncExternalStore(moving ? subscribe : still, () => now);
}

/** A time in the reader's zone, with UTC on hover, or the other way round if the reader prefers. */
export function Time({
  at,
  relative,
  millis,
}: {
  at: string | null | undefined;
  relative?: boolean;
  millis?: boolean;
}) {
  const { utc } = usePreferences();
  const current = useNow(relative === true);
  if (!at) return <>–</>;
  const local = formatTime(at, current, { millis });
  const exact = formatUtc(at);
  const words = relative ? formatRelative(Date.parse(at), current) : utc ? exact.slice(0, millis ? 23 : 19) : local;
  return (
    <time dateTime={at} title={relative ? `${exact} · ${local} here` : utc ? `${local} here` : exact}>
      {words}
    </time>
  );
}

/** How long something took, or takes so far. */
export function Duration({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  const current = useNow(Boolean(from) && !to);
  const ms = between(from, to, current);
  return <>{ms === null ? '–' : formatDuration(ms)}</>;
}
