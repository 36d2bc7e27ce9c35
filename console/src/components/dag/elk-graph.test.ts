import ELK from 'elkjs';
import { expect, it } from 'vitest';
import { stepsOf } from '@/lib/spec';
import { NODE, pathOf, shapeOf, toElk, toLayout } from './elk-graph';

it('each step stands behind what it depends on, and no two on the same place', async () => {
  const steps = stepsOf({
    steps: Array.from({ length: 200 }, (_, i) => ({
      id: `s${i}`,
      depends_on: i === 0 ? [] : [`s${Math.floor((i - 1) / 3)}`, ...(i > 10 ? [`s${i - 10}`] : [])],
    })),
  });
  const { places, paths } = toLayout(await new ELK().layout(toElk(steps, 'RIGHT')));
  expect(places.size).toBe(200);
  expect(paths.size).toBe(steps.flatMap((step) => [...new Set(step.dependsOn)]).length);
  expect(new Set([...places.values()].map(({ x, y }) => `${x},${y}`)).size).toBe(200);
  for (const step of steps) {
    for (const id of step.dependsOn) {
      expect(places.get(step.id)?.x).toBeGreaterThanOrEqual((places.get(id)?.x ?? 0) + NODE.width);
    }
  }
});

it('a draft with a circle, and with one id twice, has a layout all the same', async () => {
  const steps = stepsOf({ steps: [{ id: 'a', depends_on: ['b'] }, { id: 'b', depends_on: ['a'] }, { id: 'a' }] });
  expect(toLayout(await new ELK().layout(toElk(steps, 'DOWN'))).places.size).toBe(2);
});

it('its shape is that of steps and edges alone', () => {
  const steps = (description: string) =>
    stepsOf({
      steps: [
        { id: 'a', description },
        { id: 'b', depends_on: ['a'] },
      ],
    });
  expect(shapeOf(steps('one'))).toBe(shapeOf(steps('other')));
  const apart = stepsOf({ steps: [{ id: 'a' }, { id: 'b' }] });
  expect(shapeOf(steps('one'))).not.toBe(shapeOf(apart));
});

it('an edge is a line with rounded corners', () => {
  expect(
    pathOf([
      { x: 0, y: 0 },
      { x: 20, y: 0 },
      { x: 20, y: 10 },
    ]),
  ).toBe('M0,0L12,0Q20,0 20,5L20,10');
  expect(
    pathOf([
      { x: 0, y: 0 },
      { x: 5, y: 0 },
    ]),
  ).toBe('M0,0L5,0');
  expect(pathOf([])).toBe('');
});
