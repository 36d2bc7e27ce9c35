/** Following a log: lines come in pages, the last of them again, and some of them late. */
import type { LogEntry, LogLevel } from '@/api/types';

/**
 * How far back the next question reaches: a line whose statement takes long comes in behind younger ones, so what is
 * asked for overlaps what is there, and lines are told apart by their ids.
 */
const OVERLAP_MS = 2000;

/** `lines` and `more`, each line once, by the time it was stored. Returns `lines` itself if nothing is new. */
export function mergeLines(lines: readonly LogEntry[], more: readonly LogEntry[]): readonly LogEntry[] {
  const known = new Set<string>();
  // Only the end of what is there can overlap with what comes.
  const oldest = more.reduce((min, line) => (line.created_at < min ? line.created_at : min), more[0]?.created_at ?? '');
  let from = lines.length;
  while (from > 0 && (lines[from - 1]?.created_at ?? '') >= oldest) from--;
  for (const line of lines.slice(from)) known.add(line.id);
  const fresh = more.filter((line) => !known.has(line.id));
  if (fresh.length === 0) return lines;
  const tail = [...lines.slice(from), ...fresh];
  // A stable sort: lines that were sent together keep their order.
  tail.sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0));
  return [...lines.slice(0, from), ...tail];
}

/** What `after` to ask with for what came since. */
export function nextAfter(lines: readonly LogEntry[]): string | undefined {
  const last = lines.at(-1);
  return last ? new Date(Date.parse(last.created_at) - OVERLAP_MS).toISOString() : undefined;
}

export const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const satisfies LogLevel[];

export interface LogFilter {
  /** This level and worse ones. */
  level: LogLevel;
  text: string;
}

export function filterLines(lines: readonly LogEntry[], filter: LogFilter): readonly LogEntry[] {
  const least = LEVELS.indexOf(filter.level);
  const text = filter.text.trim().toLowerCase();
  if (least <= 0 && text === '') return lines;
  return lines.filter(
    (line) =>
      LEVELS.indexOf(line.level) >= least &&
      (text === '' || line.message.toLowerCase().includes(text) || (line.source ?? '').toLowerCase().includes(text)),
  );
}
