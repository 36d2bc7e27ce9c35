import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Failure } from './failure';
import { Button, Empty, Loading } from './ui';
import css from './ui.module.css';

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** A list of the catalogue, page by page. */
export function usePaged<T>(key: QueryKey, fetch: (cursor: string | undefined) => Promise<Page<T>>, enabled = true) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => fetch(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled,
  });
  return { query, items: query.data?.pages.flatMap((page) => page.items) ?? [] };
}

type Query = ReturnType<typeof usePaged<unknown>>['query'];

interface Props {
  query: Query;
  what: string;
  empty: ReactNode;
  count: number;
  children: ReactNode;
}

/** What stands around a list: that it loads, has failed, is empty, or goes on. */
export function Paged({ query, what, empty, count, children }: Props) {
  return (
    <div className={css.stack}>
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading what={what} />}
      {query.data && count === 0 && (typeof empty === 'string' ? <Empty title={empty} /> : empty)}
      {count > 0 && children}
      {query.hasNextPage && (
        <div className={css.row}>
          <Button tiny disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {query.isFetchingNextPage ? 'Loading more…' : `Load more ${what}`}
          </Button>
        </div>
      )}
    </div>
  );
}

/** A table with headings; it scrolls sideways where there is no room. */
export function Table({ label, head, children }: { label: string; head: string[]; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to with the keyboard too
    <section className={css.tableWrap} aria-label={label} tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name || <span className={css.hidden}>Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
