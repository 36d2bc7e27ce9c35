import { describe, expect, it } from 'vitest';
import { faultsOf, fromApi, validator, withoutPatterns } from './validator';

const schema = {
  type: 'object',
  properties: {
    since: { type: 'string', format: 'date' },
    db: { type: 'object', properties: { port: { type: 'integer', minimum: 1 } }, required: ['host'] },
    list: { type: 'array', items: { $ref: '#/$defs/n' } },
  },
  required: ['since'],
  $defs: { n: { type: 'number' } },
};
const places = (data: unknown) => faultsOf(schema, data).map((fault) => fault.property);

describe('parameters are checked where they are filled in', () => {
  it('each fault stands at its place, and one that is missing too', () => {
    expect(places({ since: '2026-11-28', db: { host: 'h', port: 1 }, list: [1] })).toEqual([]);
    expect(places({})).toEqual(['.since']);
    expect(places({ since: '2026-11-28', db: { port: 0 }, list: [1, 'x'] }).sort()).toEqual([
      '.db.host',
      '.db.port',
      '.list.1',
    ]);
    expect(places({ since: 'soon' })).toEqual(['.since']);
  });
  it('gives the form a tree of them', () => {
    const { errorSchema } = validator.validateFormData(
      { since: '2026-11-28', db: { port: 0, host: '' } },
      schema as object,
    );
    expect(errorSchema.db?.port?.__errors).toHaveLength(1);
  });
  it('a part of the schema finds what it refers to', () => {
    const part = { $ref: '#/$defs/n' };
    expect(validator.isValid(part, 3, schema as object)).toBe(true);
    expect(validator.isValid(part, 'x', schema as object)).toBe(false);
  });
});

describe('what is not checked here', () => {
  it('regular expressions, which could take forever; a parameter may be called pattern', () => {
    const slow = { properties: { a: { pattern: '(a+)+$', maxLength: 40 }, pattern: { type: 'string' } } };
    expect(withoutPatterns(slow)).toEqual({ properties: { a: { maxLength: 40 }, pattern: { type: 'string' } } });
    expect(faultsOf(slow, { a: `${'a'.repeat(35)}!` })).toEqual([]);
  });
  it('a schema that makes no sense', () => expect(faultsOf({ $ref: '#/nowhere' }, {})).toEqual([]));
});

it('what the API found stands at the same places', () => {
  const tree = fromApi([
    { pointer: '/parameters/db/host', detail: 'is required' },
    { pointer: '/parameters', detail: 'too much' },
  ]);
  expect(tree.db?.host?.__errors).toEqual(['is required']);
  expect(tree.__errors).toEqual(['too much']);
});
