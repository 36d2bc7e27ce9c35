import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { RunDetails } from '@/api/types';
import { pipelineQuery } from '@/app/queries';
import type { RunTab } from '@/app/router';
import { useTitle } from '@/app/use-title';
import { Copy } from '@/components/copy';
import { Failure } from '@/components/failure';
import { Status, statusWord } from '@/components/status';
import { Tabs } from '@/components/tabs';
import { Duration, Time } from '@/components/time';
import { Loading, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { shortId } from '@/lib/text';
import { Actions } from './actions';
import { AttemptsTab } from './attempts';
import { DataTab } from './data';
import { GraphTab } from './graph';
import { LogsTab } from './logs';
import css from './run.module.css';
import { Situation } from './situation';
import { TimelineTab } from './timeline';
import { runQuery } from './use-run';

const route = getRouteApi('/runs/$runId');

export function RunPage() {
  const { runId } = route.useParams();
  const query = useQuery(runQuery(runId));
  const word = query.data ? `${statusWord(query.data.run.status)} run` : 'Run';
  useTitle(`${word} ${shortId(runId)}`);
  if (!query.data) {
    return (
      <div className={ui.page}>
        {query.error ? (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading what="the run" />
        )}
      </div>
    );
  }
  return (
    <div className={ui.page}>
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      <Header details={query.data} />
      <Situation details={query.data} />
      <RunTabs details={query.data} />
    </div>
  );
}

function Header({ details }: { details: RunDetails }) {
  const { run, pipeline_version: version } = details;
  const { data: pipeline } = useQuery(pipelineQuery(run.pipeline_id));
  return (
    <div className={ui.pageHead}>
      <div>
        <div className={css.title}>
          <Status status={run.status} />
          <h1>{run.id}</h1>
          <Copy text={run.id} what="the id" />
        </div>
        <div className={css.sub}>
          <span>
            <Link to="/pipelines/$pipelineId" params={{ pipelineId: run.pipeline_id }}>
              <Text limit={80}>{pipeline?.name ?? shortId(run.pipeline_id)}</Text>
            </Link>{' '}
            <Link to="/versions/$versionId" params={{ versionId: version.id }}>
              <Text limit={50}>{version.version}</Text>
            </Link>
          </span>
          <span>
            created <Time at={run.created_at} />
          </span>
          {run.started_at && run.status !== 'QUEUED' && (
            <span>
              {run.finished_at ? 'took' : 'running for'} <Duration from={run.started_at} to={run.finished_at} />
            </span>
          )}
          {run.max_attempts > 1 && (
            <span>
              attempt {run.attempt} of {run.max_attempts}
            </span>
          )}
        </div>
      </div>
      <Actions details={details} />
    </div>
  );
}

function RunTabs({ details }: { details: RunDetails }) {
  const { tab = 'graph', step } = route.useSearch();
  const navigate = route.useNavigate();
  const select = useCallback(
    (next: string | undefined) =>
      void navigate({ search: (old) => ({ ...old, step: next }), replace: true, resetScroll: false }),
    [navigate],
  );
  return (
    <Tabs<RunTab>
      label="The run"
      value={tab}
      onChange={(next) =>
        void navigate({ search: (old) => ({ ...old, tab: next }), replace: true, resetScroll: false })
      }
      tabs={[
        {
          id: 'graph',
          label: 'Graph',
          content: () => <GraphTab details={details} selected={step} onSelect={select} />,
        },
        { id: 'timeline', label: 'Timeline', content: () => <TimelineTab details={details} onSelect={select} /> },
        { id: 'logs', label: 'Logs', content: () => <LogsTab run={details.run} /> },
        { id: 'data', label: 'Data', content: () => <DataTab details={details} /> },
        { id: 'attempts', label: 'Attempts and lineage', content: () => <AttemptsTab details={details} /> },
      ]}
    />
  );
}
