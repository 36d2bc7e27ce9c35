import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edgesOf, isOpaque, stepOfPointer, stepsOf } from './spec';

describe('a dag_spec', () => {
  it('of strings is a chain', () => {
    const steps = stepsOf({ steps: ['extract', 'load', 'publish'] });
    expect(edgesOf(steps)).toEqual([
      { from: 'extract', to: 'load' },
      { from: 'load', to: 'publish' },
    ]);
  });
  it('as in the documentation has its edges and what is special about steps', () => {
    const steps = stepsOf(JSON.parse(readFileSync('../docs/dag_spec.example.json', 'utf8')));
    expect(steps.map((step) => step.id)).toEqual(['orders', 'fx', 'large', 'save', 'summary', 'alert']);
    expect(edgesOf(steps)).toHaveLength(8);
    expect(steps[3]).toMatchObject({ forEach: true, condition: '${ .steps.large.output | length > 0 }' });
    expect(steps[5]).toMatchObject({ runIf: 'one_failed', cleanUp: true });
  });
  it('that is a draft may be anything', () => {
    for (const spec of [null, 3, [], {}, { steps: 3 }, { steps: [null, 4, []] }, { kind: 'other', steps: ['a'] }]) {
      expect(stepsOf(spec)).toEqual([]);
    }
    expect(isOpaque({ kind: 'other' })).toBe(true);
    const odd = stepsOf({ steps: [{ depends_on: ['a', 'a', 'nobody', 7] }, { id: 'a', depends_on: ['a'] }] });
    expect(edgesOf(odd)).toEqual([{ from: 'a', to: 'steps[0]' }]);
  });
  it('knows to which step a fault belongs, also after what is no step', () => {
    const steps = stepsOf({ steps: [null, 'a', { id: 'b' }] });
    expect(stepOfPointer('/steps/2/if', steps)).toBe('b');
    expect(stepOfPointer('/dag_spec/steps/1', steps)).toBe('a');
    expect(stepOfPointer('/steps/9', steps)).toBeNull();
    expect(stepOfPointer('/params', steps)).toBeNull();
  });
});
