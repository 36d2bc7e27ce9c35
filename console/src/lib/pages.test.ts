import { describe, expect, it } from 'vitest';
import { flatten, mergeHead, mergePage, type Page, pageOf, reuse } from './pages';

interface Item {
  id: string;
  status?: string;
}

const page = (cursor: string | null, ids: string, next: string | null): Page<Item> => ({
  cursor,
  items: [...ids].map((id) => ({ id })),
  next,
});
const ids = (pages: readonly Page<Item>[]) =>
  flatten(pages)
    .map((row) => row.id)
    .join('');

describe('a fresh head', () => {
  const loaded = [page(null, 'fed', 'c1'), page('c1', 'cba', null)];

  it('puts what is new in front, and loses nothing that is further down', () => {
    const merged = mergeHead(loaded, page(null, 'hgf', 'c2'));
    expect(ids(merged)).toBe('hgfedcba');
    expect(merged[1]?.cursor).toBe('c2');
    expect(merged.at(-1)?.next).toBeNull();
  });

  it('changes rows, and drops those that are not in the list any more', () => {
    const head: Page<Item> = { cursor: null, items: [{ id: 'f', status: 'FAILED' }, { id: 'd' }], next: 'c2' };
    const merged = mergeHead(loaded, head);
    expect(ids(merged)).toBe('fdcba');
    expect(flatten(merged)[0]?.status).toBe('FAILED');
  });

  it('that is the whole list replaces it', () => {
    expect(ids(mergeHead(loaded, page(null, 'hg', null)))).toBe('hg');
  });

  it('that knows none of the rows begins the list anew: what came between would be missing', () => {
    expect(ids(mergeHead(loaded, page(null, 'zyx', 'c9')))).toBe('zyx');
  });

  it('ends up with few pages, however often it is merged', () => {
    let pages: Page<Item>[] = [
      { cursor: null, items: Array.from({ length: 100 }, (_, i) => ({ id: `r${i}` })), next: 'c' },
    ];
    for (let n = 1; n <= 300; n++) {
      const items = Array.from({ length: 100 }, (_, i) => ({ id: `r${i - n}` }));
      pages = mergeHead(pages, { cursor: null, items, next: `c${n}` });
    }
    expect(flatten(pages)).toHaveLength(400);
    expect(pages.length).toBeLessThan(10);
  });
});

it('a page that is asked again may reach into the next one, and no row is there twice', () => {
  const pages = mergePage([page(null, 'fed', 'c1'), page('c1', 'cba', null)], page(null, 'fdc', 'cx'));
  expect(ids(pages)).toBe('fdcba');
  expect(pages[0]?.next).toBe('c1');
});

it('knows the page of a row', () => {
  const pages = [page(null, 'fed', 'c1'), page('c1', 'cba', null)];
  expect(pageOf(pages, 2)?.cursor).toBeNull();
  expect(pageOf(pages, 3)?.cursor).toBe('c1');
  expect(pageOf(pages, 99)?.cursor).toBe('c1');
});

it('rows that say the same stay the same objects', () => {
  const pages = [page(null, 'fe', null)];
  const fresh = reuse(pages, { cursor: null, items: [{ id: 'f' }, { id: 'e', status: 'FAILED' }], next: null });
  expect(fresh.items[0]).toBe(pages[0]?.items[0]);
  expect(fresh.items[1]).toEqual({ id: 'e', status: 'FAILED' });
});
