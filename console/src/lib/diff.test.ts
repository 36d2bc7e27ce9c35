import { expect, it } from 'vitest';
import { diffFields, diffSteps, diffText } from './diff';

const before = {
  timeout_seconds: 9,
  steps: [
    { id: 'a', type: 'wait', with: { seconds: 1 } },
    { id: 'b', type: 'fail', with: {} },
  ],
};
const after = {
  params: {},
  timeout_seconds: 9,
  steps: [
    { with: { seconds: 2 }, type: 'wait', id: 'a' },
    { id: 'c', type: 'fail', with: {} },
  ],
};

it('tells steps that are new, gone and changed, and in which fields', () => {
  expect(diffSteps(before, after)).toEqual([
    { id: 'a', kind: 'changed', fields: ['with'] },
    { id: 'c', kind: 'added', fields: [] },
    { id: 'b', kind: 'removed', fields: [] },
  ]);
  expect(diffFields(before, after)).toEqual(['params']);
});

it('the order of names is no change', () => {
  expect(
    diffSteps({ steps: [{ id: 'a', with: { x: 1, y: 2 } }] }, { steps: [{ with: { y: 2, x: 1 }, id: 'a' }] }),
  ).toEqual([]);
  expect(diffText({ a: 1, b: 2 }, { b: 2, a: 1 }).every((line) => line.kind === 'same')).toBe(true);
});

it('lines carry what changed', () => {
  const lines = diffText({ a: 1 }, { a: 2 });
  expect(lines.filter((line) => line.kind !== 'same')).toEqual([
    { kind: 'removed', text: '  "a": 1' },
    { kind: 'added', text: '  "a": 2' },
  ]);
});
