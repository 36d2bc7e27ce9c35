import { expect, it } from 'vitest';
import { aRun, at } from './fixtures';
import { lineageOf } from './lineage';

const run = (id: string, of: string | null, second: number) =>
  aRun({ id, retry_of_run_id: of, created_at: at(second) });

it('each run stands below the one that it repeats, older ones first, whatever order they come in', () => {
  const nodes = lineageOf([run('d', 'b', 4), run('c', 'a', 3), run('a', null, 1), run('b', 'a', 2), run('a', null, 1)]);
  expect(nodes.map(({ run: { id }, depth }) => [id, depth])).toEqual([
    ['a', 0],
    ['b', 1],
    ['d', 2],
    ['c', 1],
  ]);
});

it('one whose run is unknown stands at the top', () => {
  expect(lineageOf([run('x', 'gone', 1)]).map((node) => node.depth)).toEqual([0]);
});
