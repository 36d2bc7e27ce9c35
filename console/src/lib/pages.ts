/**
 * A list that is paged by cursor and grows at its head. Pages that are loaded stay; what is new is merged into them, so
 * that 10,000 rows are never asked for again at once.
 */

export interface Row {
  id: string;
}

export interface Page<T extends Row> {
  /** What this page was asked with; null = from the head of the list. */
  cursor: string | null;
  items: readonly T[];
  /** What the next page is asked with; null = there is none. */
  next: string | null;
}

/** How many rows a page may have: what the API gives at once. */
export const PAGE = 100;

/**
 * `pages` with `head`, a fresh first page. What `head` covers is as `head` has it: changed rows, new ones, and none of
 * those that are not in the list any more. If more has come than `head` shows, the list begins anew with it.
 */
export function mergeHead<T extends Row>(pages: readonly Page<T>[], head: Page<T>): Page<T>[] {
  const rows = pages.flatMap((page) => page.items);
  if (head.next === null || rows.length === 0) return [head];

  const fresh = new Set(head.items.map((row) => row.id));
  const last = rows.findLastIndex((row) => fresh.has(row.id));
  if (last < 0) return [head];

  // What is further down than the last row of the head: the rest of its page, then whole pages.
  let skip = last + 1;
  const rest: Page<T>[] = [];
  for (const page of pages) {
    if (skip >= page.items.length) {
      skip -= page.items.length;
      continue;
    }
    const items = skip > 0 ? page.items.slice(skip) : page.items;
    rest.push({ cursor: rest.length === 0 ? head.next : page.cursor, items, next: page.next });
    skip = 0;
  }
  if (rest.length === 0) return [head];
  return [head, ...joinFirst(rest)];
}

// Each merge leaves a piece of a page behind; two pieces that fit into one page become one.
function joinFirst<T extends Row>(pages: Page<T>[]): Page<T>[] {
  const [first, second, ...more] = pages;
  if (!first || !second || first.items.length + second.items.length > PAGE) return pages;
  return [{ cursor: first.cursor, items: [...first.items, ...second.items], next: second.next }, ...more];
}

/** `pages` with one of them replaced by a fresh answer to its cursor. */
export function mergePage<T extends Row>(pages: readonly Page<T>[], fresh: Page<T>): Page<T>[] {
  return pages.map((page) => (page.cursor === fresh.cursor ? { ...fresh, next: page.next } : page));
}

/** All rows, each once: a page that was asked again may reach into the next one. */
export function flatten<T extends Row>(pages: readonly Page<T>[]): T[] {
  const seen = new Set<string>();
  const rows: T[] = [];
  for (const page of pages) {
    for (const row of page.items) {
      if (seen.has(row.id)) continue;
      seen.add(row.id);
      rows.push(row);
    }
  }
  return rows;
}

/** The page that holds the `index`th row. */
export function pageOf<T extends Row>(pages: readonly Page<T>[], index: number): Page<T> | undefined {
  let left = index;
  for (const page of pages) {
    if (left < page.items.length) return page;
    left -= page.items.length;
  }
  return pages.at(-1);
}

/** `fresh` with rows that say the same as before replaced by those objects, so that they are not drawn again. */
export function reuse<T extends Row>(pages: readonly Page<T>[], fresh: Page<T>): Page<T> {
  const wanted = new Map(fresh.items.map((row) => [row.id, row]));
  const kept = new Map<string, T>();
  for (const page of pages) {
    for (const row of page.items) {
      const now = wanted.get(row.id);
      if (now && JSON.stringify(now) === JSON.stringify(row)) kept.set(row.id, row);
    }
    if (kept.size === wanted.size) break;
  }
  return { ...fresh, items: fresh.items.map((row) => kept.get(row.id) ?? row) };
}
