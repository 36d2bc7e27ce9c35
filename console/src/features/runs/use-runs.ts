import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';
import { api, unwrap, withLabels } from '@/api/client';
import type { Run } from '@/api/types';
import { queryClient } from '@/app/queries';
import { type RunFilters, readLabels, toQuery } from '@/lib/filters';
import { flatten, mergeHead, mergePage, PAGE, type Page, pageOf, reuse } from '@/lib/pages';

/** How often the list is asked again: something is under way; nothing is. Hidden, it is not asked at all. */
const BUSY_MS = 2500;
const QUIET_MS = 10_000;

export const inFlight = (run: Pick<Run, 'status'>) => run.status === 'QUEUED' || run.status === 'RUNNING';

async function fetchPage(
  filters: RunFilters,
  tenantId: string | undefined,
  cursor: string | null,
  limit: number,
  signal?: AbortSignal,
): Promise<Page<Run>> {
  const query = { ...toQuery(filters, tenantId), limit, ...(cursor ? { cursor } : {}) };
  const labels = readLabels(filters.labels);
  const page = await unwrap(api.GET('/api/runs', { params: { query }, querySerializer: withLabels(labels), signal }));
  return { cursor, items: page.items, next: page.next_cursor ?? null };
}

/**
 * The list of runs: pages stay once loaded. Each time it is asked again the head is merged into it, and so is the page
 * that one looks at while something on it is under way: the cost does not grow with what is loaded.
 */
export function useRuns(filters: RunFilters, tenantId: string | undefined) {
  const key = useMemo(() => ['runs', tenantId ?? null, filters] as const, [tenantId, filters]);
  const looking = useRef(0);
  const [more, setMore] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });

  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const known = () => queryClient.getQueryData<Page<Run>[]>(key) ?? [];
      const head = await fetchPage(filters, tenantId, null, PAGE, signal);
      let pages = mergeHead(known(), reuse(known(), head));
      const watched = pageOf(pages, looking.current);
      if (watched?.cursor && watched.items.some(inFlight)) {
        const fresh = await fetchPage(filters, tenantId, watched.cursor, Math.max(1, watched.items.length), signal);
        // Another page may have been loaded meanwhile.
        pages = mergePage(mergeHead(known(), reuse(known(), head)), reuse(known(), fresh));
      }
      return pages;
    },
    refetchInterval: ({ state }) => (flatten(state.data ?? []).some(inFlight) ? BUSY_MS : QUIET_MS),
    refetchOnWindowFocus: true,
    // Rows are compared by `reuse`, a hundred at a time; comparing ten thousand would be felt.
    structuralSharing: false,
    gcTime: 60_000,
  });

  const pages = query.data;
  const rows = useMemo(() => flatten(pages ?? []), [pages]);
  const next = pages?.at(-1)?.next ?? null;

  const loadMore = useCallback(async () => {
    if (next === null || more.busy) return;
    setMore({ busy: true, error: null });
    try {
      const page = await fetchPage(filters, tenantId, next, PAGE);
      queryClient.setQueryData<Page<Run>[]>(key, (now) => (now?.at(-1)?.next === next ? [...now, page] : now));
      setMore({ busy: false, error: null });
    } catch (error) {
      setMore({ busy: false, error });
    }
  }, [next, more.busy, filters, tenantId, key]);

  const look = useCallback((index: number) => {
    looking.current = index;
  }, []);

  return { query, rows, hasMore: next !== null, loadMore, loadingMore: more.busy, moreError: more.error, look };
}
