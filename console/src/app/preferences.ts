import { useSyncExternalStore } from 'react';

/** How its reader wants to see the console: the only thing that stays on the machine. */
export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  utc: boolean;
}

const STORED = 'runplane.preferences';
const DEFAULTS: Preferences = { theme: 'system', utc: false };

function read(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? '{}');
    const { theme, utc } = stored as Partial<Preferences>;
    return { theme: theme === 'light' || theme === 'dark' ? theme : 'system', utc: utc === true };
  } catch {
    return DEFAULTS;
  }
}

let preferences = read();
const listeners = new Set<() => void>();

export function applyTheme(): void {
  if (preferences.theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = preferences.theme;
}

export function changePreferences(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  try {
    localStorage.setItem(STORED, JSON.stringify(preferences));
  } catch {
    // They hold until the page is closed.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
  );
}
