import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { usePipelineNames } from '@/app/queries';
import { useTitle } from '@/app/use-title';
import { Failure } from '@/components/failure';
import { Button, Empty, Loading } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { countFilters, type RunFilters, readFilters } from '@/lib/filters';
import { plural } from '@/lib/text';
import { FilterBar } from './filter-bar';
import { RunList } from './run-list';
import css from './runs.module.css';
import { useRuns } from './use-runs';

const route = getRouteApi('/runs');

export function RunsPage() {
  useTitle('Runs');
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const tenantId = search.tenant;
  const text = JSON.stringify(readFilters({ ...search }));
  const filters = useMemo<RunFilters>(() => JSON.parse(text), [text]);
  const names = usePipelineNames(tenantId);
  const { query, rows, hasMore, loadMore, loadingMore, moreError, look } = useRuns(filters, tenantId);

  const change = useCallback(
    (next: Partial<RunFilters>) => void navigate({ search: (old) => ({ ...old, ...next }), replace: true }),
    [navigate],
  );
  const clear = () => void navigate({ search: { tenant: tenantId } });
  const filtered = countFilters(filters) > 0;
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <h1>Runs</h1>
        <span className={ui.soft} aria-live="polite">
          {query.data && `${plural(rows.length, 'run')}${hasMore ? ' and more' : ''}`}
        </span>
      </div>
      <FilterBar filters={filters} tenantId={tenantId} onChange={change} onClear={clear} />
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading what="runs" />}
      {query.data && rows.length === 0 && (
        <Empty title={filtered ? 'No run is as the filters want it' : 'There are no runs yet'}>
          {filtered ? (
            <Button onClick={clear}>Clear filters</Button>
          ) : (
            <p>Start one from an approved version of a pipeline.</p>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          <RunList rows={rows} names={names} hasMore={hasMore && !moreError} onEnd={loadMore} onLook={look} />
          <div className={css.foot}>
            {moreError ? (
              <Failure error={moreError} onRetry={() => void loadMore()} />
            ) : loadingMore ? (
              'Loading more…'
            ) : hasMore ? (
              <Button tiny onClick={() => void loadMore()}>
                Load more
              </Button>
            ) : (
              'These are all.'
            )}
          </div>
        </>
      )}
    </div>
  );
}
