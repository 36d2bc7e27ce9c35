import { describe, expect, it } from 'vitest';
import { aStep, at, details, T0 } from './fixtures';
import { marks, timelineOf } from './timeline';

const s = (seconds: number) => T0 + seconds * 1000;
const failed = { attempt: 1, outcome: 'FAILED', claimed_by: 'w', claimed_at: at(2), ended_at: at(5) };

describe('where the time of a run went', () => {
  it('waiting so far, and nothing else', () => {
    const { lanes, totals } = timelineOf(details({}), s(4));
    expect(lanes[0]?.spans).toEqual([{ kind: 'waiting', from: s(0), to: s(4), open: true, label: 'waits' }]);
    expect(totals).toEqual({ waiting: 4000, working: 0, wasted: 0 });
  });

  it('a failed attempt, a pause, and one that succeeded', () => {
    const run = { status: 'SUCCEEDED', attempt: 2, claimed_at: at(9), finished_at: at(15), started_at: at(2) } as const;
    const { lanes, totals } = timelineOf(details(run, { attempts: [failed] }), s(99));
    expect(lanes[0]?.spans.map((span) => [span.kind, span.from - T0, span.to - T0])).toEqual([
      ['waiting', 0, 2000],
      ['failed', 2000, 5000],
      ['waiting', 5000, 9000],
      ['succeeded', 9000, 15000],
    ]);
    expect(totals).toEqual({ waiting: 6000, working: 6000, wasted: 3000 });
  });

  it('a run that FAILED for good: its last attempt is in the list, and counts once', () => {
    const run = { status: 'FAILED', claimed_at: at(2), finished_at: at(5) } as const;
    const { lanes, totals } = timelineOf(details(run, { attempts: [failed] }), s(99));
    expect(lanes[0]?.spans.map((span) => span.kind)).toEqual(['waiting', 'failed']);
    expect(totals).toEqual({ waiting: 2000, working: 3000, wasted: 0 });
  });

  it('one that waits for its next attempt does not work, though somebody held it before', () => {
    const { lanes } = timelineOf(details({ status: 'QUEUED', claimed_at: at(2) }, { attempts: [failed] }), s(8));
    expect(lanes[0]?.spans.at(-1)).toMatchObject({ kind: 'waiting', from: s(5), to: s(8), open: true });
  });

  it('cancelled before anybody claimed it', () => {
    const { lanes, totals } = timelineOf(details({ status: 'CANCELLED', finished_at: at(7) }), s(99));
    expect(lanes[0]?.spans).toMatchObject([{ kind: 'waiting', to: s(7), open: false }]);
    expect(totals.waiting).toBe(7000);
  });

  it('steps by their begin; one under way lasts until now, one that has not begun has no lane', () => {
    const steps = [
      aStep('b', { status: 'RUNNING', started_at: at(6), attempts: 2 }),
      aStep('a', { status: 'SUCCEEDED', started_at: at(3), finished_at: at(6), attempts: 1 }),
      aStep('c'),
    ];
    const { lanes } = timelineOf(details({ status: 'RUNNING', claimed_at: at(2) }, { steps }), s(10));
    expect(lanes.map((lane) => lane.id)).toEqual(['run', 'a', 'b']);
    expect(lanes[2]?.spans[0]).toMatchObject({ kind: 'working', to: s(10), open: true, label: 'running, 2 attempts' });
  });

  it('results that a retry has kept are not in it', () => {
    const steps = [aStep('old', { status: 'SUCCEEDED', started_at: at(-900), finished_at: at(-890), run_attempt: 0 })];
    const timeline = timelineOf(details({}, { steps }), s(1));
    expect(timeline.from).toBe(T0);
    expect(timeline.lanes).toHaveLength(1);
  });
});

it('marks are round, and few, for a second and for a month', () => {
  for (const range of [1, 900, 1000, 61_000, 3_600_000, 86_400_000 * 30]) {
    const found = marks(range);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(8);
    expect(found.at(-1)).toBeLessThanOrEqual(range);
  }
  expect(marks(61_000)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
});
