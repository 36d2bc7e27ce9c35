import { describe, expect, it } from 'vitest';
import { between, formatDuration, formatRelative, formatTime, formatUtc } from './time';

describe('a duration is for people', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [9999, '9.9 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [3_780_000, '1 h 3 min'],
    [86_400_000 * 2 + 3_600_000 * 4, '2 d 4 h'],
    [-5, '0 ms'],
    [Number.NaN, '–'],
  ])('%d ms is %s', (ms, words) => expect(formatDuration(ms)).toBe(words));
});

describe('a time is in the zone of its reader', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  it('differs between zones, and has UTC beside it', () => {
    const iso = '2026-11-28T01:02:03.456789Z';
    expect(formatTime(iso, now, { timeZone: 'Asia/Tokyo' })).toBe('28 Nov, 10:02:03');
    expect(formatTime(iso, now, { timeZone: 'America/New_York' })).toBe('27 Nov, 20:02:03');
    expect(formatUtc(iso)).toBe('2026-11-28 01:02:03.456 UTC');
  });
  it('has the year only where it is another one', () => {
    expect(formatTime('2025-01-02T00:00:00Z', now, { timeZone: 'UTC' })).toBe('2 Jan 2025, 00:00:00');
  });
  it('is shown as it came if it is none', () => expect(formatTime('soon', now)).toBe('soon'));
  it('is told as a distance', () => {
    expect(formatRelative(now - 4200, now)).toBe('4 s ago');
    expect(formatRelative(now + 150_000, now)).toBe('in 2 min');
    expect(formatRelative(now + 10, now)).toBe('now');
  });
  it('without an end lasts until now, without a beginning not at all', () => {
    expect(between('2026-11-28T11:59:00Z', null, now)).toBe(60_000);
    expect(between(null, '2026-11-28T11:59:00Z', now)).toBeNull();
  });
});
