import { describe, expect, it } from 'vitest';
import { countFilters, readFilters, readLabels, toQuery } from './filters';

const pipeline = '0193F0E2-1111-7222-8333-444455556666';

describe('filters in the address', () => {
  it('are read, whether a status stands there once or several times', () => {
    expect(readFilters({ status: 'failed' })).toEqual({ status: ['FAILED'] });
    expect(readFilters({ status: ['RUNNING', 'QUEUED'], pipeline, queue: 7 })).toEqual({
      status: ['QUEUED', 'RUNNING'],
      pipeline: pipeline.toLowerCase(),
      queue: '7',
    });
  });
  it('that make no sense are left out', () => {
    expect(readFilters({ status: 'DONE', pipeline: 'x', queue: ' ', after: 'yesterday', more: 1 })).toEqual({});
  });
  it('become the query of the API, times in UTC', () => {
    const filters = readFilters({ status: ['FAILED'], after: '2026-11-28T02:00:00+02:00' });
    expect(toQuery(filters, 't')).toEqual({
      tenant_id: 't',
      status: ['FAILED'],
      created_after: '2026-11-28T00:00:00.000Z',
    });
    expect(countFilters(filters)).toBe(2);
  });
  it('labels may have = in their value, and commas between them', () => {
    expect(readLabels('team=blue, q=a=b,broken,=x')).toEqual({ team: 'blue', q: 'a=b' });
    expect(readLabels(undefined)).toEqual({});
  });
});
