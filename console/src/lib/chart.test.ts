import { expect, it } from 'vitest';
import { chartOf, failureRate, percent } from './chart';

it('bars stand on each other, and the highest reaches the top', () => {
  const { bars, most, line } = chartOf([
    { created: 2, succeeded: 6, failed: 2, cancelled: 0 },
    { created: 4, succeeded: 0, failed: 0, cancelled: 0 },
  ]);
  expect(most).toBe(8);
  expect(bars.map(({ part, y, height }) => [part, y, height])).toEqual([
    ['succeeded', 25, 75],
    ['failed', 0, 25],
  ]);
  expect(line).toBe('25,75 75,50');
});

it('of nothing there is an empty chart, and no rate', () => {
  expect(chartOf([])).toEqual({ most: 0, bars: [], line: '' });
  expect(chartOf([{ created: 0, succeeded: 0, failed: 0, cancelled: 0 }]).bars).toEqual([]);
  expect(percent(failureRate({ succeeded: 0, failed: 0 }))).toBe('–');
  expect(percent(failureRate({ succeeded: 3, failed: 1 }))).toBe('25.0 %');
  expect(percent(failureRate({ succeeded: 99_999, failed: 1 }))).toBe('< 0.1 %');
});
