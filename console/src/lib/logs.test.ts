import { describe, expect, it } from 'vitest';
import type { LogEntry } from '@/api/types';
import { filterLines, mergeLines, nextAfter } from './logs';

const line = (id: string, second: number, level: LogEntry['level'] = 'info', message = id): LogEntry => ({
  id,
  level,
  message,
  created_at: `2026-11-28T00:00:${String(second).padStart(2, '0')}.000000Z`,
});
const ids = (lines: readonly LogEntry[]) => lines.map((l) => l.id).join('');

describe('following', () => {
  const lines = [line('a', 1), line('b', 2), line('c', 4)];
  it('shows no line twice, and one that came late in its place', () => {
    expect(ids(mergeLines(lines, [line('b', 2), line('x', 3), line('c', 4), line('d', 5)]))).toBe('abxcd');
  });
  it('of lines of one moment keeps the order', () => {
    expect(ids(mergeLines([], [line('a', 1), line('b', 1), line('c', 1)]))).toBe('abc');
    expect(ids(mergeLines([line('a', 1), line('b', 1)], [line('b', 1), line('c', 1)]))).toBe('abc');
  });
  it('with nothing new gives the same list, so that nothing is drawn', () => {
    expect(mergeLines(lines, [line('c', 4)])).toBe(lines);
    expect(mergeLines(lines, [])).toBe(lines);
  });
  it('asks for a little more than what is missing', () => {
    expect(nextAfter([])).toBeUndefined();
    expect(nextAfter(lines)).toBe('2026-11-28T00:00:02.000Z');
  });
});

it('filters by level and by text, in any case', () => {
  const lines = [
    line('a', 1, 'debug', 'Opening'),
    line('b', 2, 'error', 'opening failed'),
    line('c', 3, 'critical', 'gone'),
  ];
  expect(ids(filterLines(lines, { level: 'error', text: '' }))).toBe('bc');
  expect(ids(filterLines(lines, { level: 'debug', text: 'OPEN' }))).toBe('ab');
  expect(filterLines(lines, { level: 'debug', text: ' ' })).toBe(lines);
});
