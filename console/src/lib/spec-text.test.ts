import { describe, expect, it } from 'vitest';
import { lineOfPointer, parseSpec } from './spec-text';

describe('a spec as it is typed', () => {
  it('is an object, or says what is wrong and where', () => {
    expect(parseSpec('{"steps":[]}').spec).toEqual({ steps: [] });
    expect(parseSpec('[]').problem?.message).toContain('object');
    expect(parseSpec('{\n  "a": 1,\n  oops\n}').problem?.line).toBe(3);
  });
});

describe('where a fault is', () => {
  const text = `{
  "a/b": "}",
  "steps": [
    "x",
    { "id": "q\\"", "with": {
      "value": [1, 2.5e3, true] } }
  ]
}`;
  it.each([
    ['', 1],
    ['/a~1b', 2],
    ['/steps/0', 4],
    ['/steps/1/id', 5],
    ['/steps/1/with/value', 6],
    ['/steps/1/with/value/2', 6],
  ])('%s is on line %d', (pointer, line) => expect(lineOfPointer(text, pointer)).toBe(line));
  it('nowhere, if it is not there', () => {
    expect(lineOfPointer(text, '/steps/7')).toBeNull();
    expect(lineOfPointer(text, '/nobody/0')).toBeNull();
  });
});
