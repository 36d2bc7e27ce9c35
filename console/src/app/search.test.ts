import { expect, it } from 'vitest';
import { parseSearch, stringifySearch } from './search';

it('what is written is read, lists as repeated names, and nothing is taken for a number', () => {
  const search = { status: ['FAILED', 'RUNNING'], queue: '007', labels: 'a=b&c', empty: undefined };
  const text = stringifySearch(search);
  expect(text).toBe('?status=FAILED&status=RUNNING&queue=007&labels=a%3Db%26c');
  expect(parseSearch(text)).toEqual({ status: ['FAILED', 'RUNNING'], queue: '007', labels: 'a=b&c' });
  expect(stringifySearch({})).toBe('');
});
