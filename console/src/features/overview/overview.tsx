import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, unwrap } from '@/api/client';
import { type Stats, stats } from '@/api/pending';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Failure } from '@/components/failure';
import { Table } from '@/components/paged';
import { Time } from '@/components/time';
import { Card, cx, Empty, Loading, Notice, Select, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { chartOf, failureRate, percent } from '@/lib/chart';
import { plural } from '@/lib/text';
import { formatDuration } from '@/lib/time';
import css from './overview.module.css';

const EVERY_MS = 10_000;

export function OverviewPage() {
  useTitle('Overview');
  const tenant = useTenant();
  const [hours, setHours] = useState(24);
  const query = useQuery({
    queryKey: ['stats', tenant, hours],
    queryFn: () => stats(tenant, hours),
    refetchInterval: ({ state }) => (state.data === null ? false : EVERY_MS),
    placeholderData: (old) => old,
  });
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <h1>Overview</h1>
        {query.data && (
          <div>
            <Select aria-label="Period" value={hours} onChange={(event) => setHours(Number(event.target.value))}>
              <option value={1}>Last hour</option>
              <option value={24}>Last 24 hours</option>
              <option value={168}>Last 7 days</option>
            </Select>
          </div>
        )}
      </div>
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading what="the figures" />}
      {query.data && <Figures of={query.data} />}
      {query.data === null && <Plain tenant={tenant} />}
    </div>
  );
}

function Figures({ of }: { of: Stats }) {
  const total = of.buckets.reduce(
    (sum, b) => ({ succeeded: sum.succeeded + b.succeeded, failed: sum.failed + b.failed }),
    { succeeded: 0, failed: 0 },
  );
  const waiting = of.oldest_waiting_since ? Date.parse(of.at) - Date.parse(of.oldest_waiting_since) : null;
  return (
    <>
      <div className={css.figures}>
        <RunsFigure status="QUEUED" label="Queued" value={of.queued.toLocaleString('en-GB')} />
        <RunsFigure status="RUNNING" label="Running" value={of.running.toLocaleString('en-GB')} />
        <Figure label="The oldest has waited" value={waiting === null ? '–' : formatDuration(waiting)} />
        <Figure label="Failed, of what ended" value={percent(failureRate(total))} />
        <Figure label="Expired leases" value={of.expired_leases.toLocaleString('en-GB')} />
        <Link to="/workers" className={css.figure}>
          <span>Workers alive</span>
          <strong>{of.workers_alive.toLocaleString('en-GB')}</strong>
        </Link>
      </div>
      <Card title="Throughput">
        <Throughput of={of} />
      </Card>
      <Card title="Pipelines">
        {of.pipelines.length === 0 ? (
          <Empty title="Nothing has run in this time" />
        ) : (
          <Table
            label="By pipeline"
            head={['Pipeline', 'Queued', 'Running', 'Succeeded', 'Failed', 'Cancelled', 'Failed, of what ended']}
          >
            {of.pipelines.map((pipeline) => (
              <tr key={pipeline.pipeline_id}>
                <td>
                  <Link to="/runs" search={{ pipeline: pipeline.pipeline_id }}>
                    <Text limit={100}>{pipeline.pipeline}</Text>
                  </Link>
                </td>
                {[pipeline.queued, pipeline.running, pipeline.succeeded, pipeline.failed, pipeline.cancelled].map(
                  (n, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: they are columns
                    <td key={index} className={ui.num}>
                      {n.toLocaleString('en-GB')}
                    </td>
                  ),
                )}
                <td className={ui.num}>{percent(failureRate(pipeline))}</td>
              </tr>
            ))}
          </Table>
        )}
      </Card>
    </>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <div className={css.figure}>
      <span>{label}</span>
      <strong>{value}</strong>
    </div>
  );
}

function RunsFigure({
  status,
  label,
  value,
}: {
  status: 'QUEUED' | 'RUNNING' | 'FAILED';
  label: string;
  value: string;
}) {
  return (
    <Link to="/runs" search={{ status: [status] }} className={css.figure}>
      <span>{label}</span>
      <strong>{value}</strong>
    </Link>
  );
}

function Throughput({ of }: { of: Stats }) {
  const chart = chartOf(of.buckets);
  const sum = (part: 'created' | 'succeeded' | 'failed' | 'cancelled') =>
    of.buckets.reduce((total, bucket) => total + bucket[part], 0);
  const words = `${plural(sum('created'), 'run')} created, ${sum('succeeded')} succeeded, ${sum('failed')} failed, ${sum('cancelled')} cancelled`;
  return (
    <figure className={ui.stack}>
      <svg className={css.chart} viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={words}>
        {[0, 25, 50, 75, 100].map((y) => (
          <line key={y} x1="0" x2="100" y1={y} y2={y} className={css.axis} vectorEffect="non-scaling-stroke" />
        ))}
        {chart.bars.map(({ index, part, ...box }) => (
          <rect key={`${index} ${part}`} className={css[part]} {...box} />
        ))}
        <polyline className={css.created} points={chart.line} />
      </svg>
      <div className={css.ends}>
        <Time at={of.buckets[0]?.at} />
        <span>
          at most {chart.most.toLocaleString('en-GB')} in {formatDuration(of.bucket_seconds * 1000)}
        </span>
        <Time at={of.at} />
      </div>
      <figcaption className={css.legend}>
        {(['created', 'succeeded', 'failed', 'cancelled'] as const).map((part) => (
          <span key={part}>
            <i className={cx(css[part])} aria-hidden="true" />
            {part} {sum(part).toLocaleString('en-GB')}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** Without statistics of the API: what lists can tell. */
function Plain({ tenant }: { tenant: string | undefined }) {
  const query = useQuery({
    queryKey: ['overview-plain', tenant],
    queryFn: async () => {
      const runs = (status: 'QUEUED' | 'RUNNING' | 'FAILED') =>
        unwrap(api.GET('/api/runs', { params: { query: { tenant_id: tenant, status: [status], limit: 100 } } }));
      const [queued, running, failed, workers] = await Promise.all([
        runs('QUEUED'),
        runs('RUNNING'),
        runs('FAILED'),
        unwrap(api.GET('/api/workers', { params: { query: { tenant_id: tenant, alive: true, limit: 100 } } })),
      ]);
      return { queued, running, failed, workers };
    },
    refetchInterval: EVERY_MS,
  });
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Loading what="the figures" />;
  const count = (page: { count: number; next_cursor?: string | null }) => `${page.count}${page.next_cursor ? '+' : ''}`;
  const { queued, running, failed, workers } = query.data;
  return (
    <>
      <Notice>The API of this deployment keeps no statistics yet. This is what its lists tell.</Notice>
      <div className={css.figures}>
        <RunsFigure status="QUEUED" label="Queued" value={count(queued)} />
        <RunsFigure status="RUNNING" label="Running" value={count(running)} />
        <RunsFigure status="FAILED" label="Failed" value={count(failed)} />
        <Link to="/workers" className={css.figure}>
          <span>Workers alive</span>
          <strong>{count(workers)}</strong>
        </Link>
      </div>
    </>
  );
}
