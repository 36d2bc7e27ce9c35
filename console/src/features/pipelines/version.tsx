import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { Fault } from '@/api/problem';
import type { VersionInFull } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { pipelineQuery, versionQuery } from '@/app/queries';
import type { VersionTab } from '@/app/router';
import { useTitle } from '@/app/use-title';
import { Failure } from '@/components/failure';
import { Json } from '@/components/json';
import { Status } from '@/components/status';
import { Tabs } from '@/components/tabs';
import { Time } from '@/components/time';
import { Button, Card, cx, Empty, Facts, Loading, Notice, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';
import { isOpaque, stepDefinition, stepOfPointer, stepsOf } from '@/lib/spec';
import { shortId } from '@/lib/text';
import { DiffTab } from './diff-tab';
import css from './pipelines.module.css';
import { Problems } from './problems';
import { SpecTab } from './spec-tab';
import { StatusActions } from './status-actions';

const Dag = lazy(() => import('@/components/dag/dag'));
const route = getRouteApi('/versions/$versionId');

export function VersionPage() {
  const { versionId } = route.useParams();
  const query = useQuery(versionQuery(versionId));
  useTitle(query.data ? `Version ${query.data.version}` : 'Version');
  if (!query.data) {
    return (
      <div className={ui.page}>
        {query.error ? (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading what="the version" />
        )}
      </div>
    );
  }
  return <Version key={versionId} version={query.data} />;
}

function Version({ version }: { version: VersionInFull }) {
  const { tab = 'graph' } = route.useSearch();
  const navigate = route.useNavigate();
  const { roles } = useIdentity();
  const { data: pipeline } = useQuery(pipelineQuery(version.pipeline_id));
  // What the last attempt to store or approve has found, until the next one.
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const show = (next: VersionTab) => void navigate({ search: (old) => ({ ...old, tab: next }), replace: true });
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <div>
          <h1>
            <Link to="/pipelines/$pipelineId" params={{ pipelineId: version.pipeline_id }}>
              <Text limit={100}>{pipeline?.name ?? shortId(version.pipeline_id)}</Text>
            </Link>{' '}
            <Text limit={60}>{version.version}</Text>
          </h1>
          <div className={ui.row}>
            <Status status={version.status} />
            <span className={ui.hint}>
              {version.approved_at ? (
                <>
                  approved <Time at={version.approved_at} /> by{' '}
                  <Text limit={100}>{version.approved_by ?? 'somebody'}</Text>
                </>
              ) : (
                <>
                  revision {version.revision}, changed <Time at={version.updated_at} />
                </>
              )}
            </span>
          </div>
        </div>
        {may(roles, 'run.create') && version.status === 'APPROVED' && (
          <Link
            className={cx(ui.button, ui.primary)}
            to="/versions/$versionId/start"
            params={{ versionId: version.id }}
          >
            Start a run
          </Link>
        )}
        <StatusActions version={version} onFaults={setFaults} />
      </div>
      {faults.length > 0 && (
        <Notice
          tone="bad"
          action={
            <Button tiny onClick={() => setFaults([])}>
              Put away
            </Button>
          }
        >
          <strong>{faults.length === 1 ? 'The spec has a fault' : `The spec has ${faults.length} faults`}</strong>
          <p>They stand on the steps that they belong to.</p>
        </Notice>
      )}
      <Tabs<VersionTab>
        label="The version"
        value={tab}
        onChange={show}
        tabs={[
          { id: 'graph', label: 'Graph', content: () => <GraphTab version={version} faults={faults} /> },
          {
            id: 'spec',
            label: version.status === 'DRAFT' ? 'Edit' : 'Spec',
            content: () => <SpecTab version={version} faults={faults} onFaults={setFaults} />,
          },
          { id: 'diff', label: 'Compare', content: () => <DiffTab version={version} /> },
          { id: 'history', label: 'History', content: () => <History version={version} /> },
        ]}
      />
    </div>
  );
}

function GraphTab({ version, faults }: { version: VersionInFull; faults: readonly Fault[] }) {
  const { step } = route.useSearch();
  const navigate = route.useNavigate();
  const spec = version.dag_spec;
  const steps = useMemo(() => stepsOf(spec), [spec]);
  const counts = useMemo(() => {
    const found = new Map<string, number>();
    for (const fault of faults) {
      const id = stepOfPointer(fault.pointer, steps);
      if (id) found.set(id, (found.get(id) ?? 0) + 1);
    }
    return found;
  }, [faults, steps]);
  const select = useMemo(
    () => (id: string | undefined) =>
      void navigate({ search: (old) => ({ ...old, step: id }), replace: true, resetScroll: false }),
    [navigate],
  );
  if (isOpaque(spec)) {
    return <Empty title="Its spec is for its own workers" />;
  }
  const definition = step ? stepDefinition(spec, step) : undefined;
  return (
    <div className={cx(css.split, definition !== undefined && css.side)}>
      <Suspense fallback={<Loading what="the graph" />}>
        <Dag steps={steps} faults={counts} selected={step} onSelect={select} />
      </Suspense>
      {step && definition !== undefined && (
        <aside className={ui.stack} aria-label={`Step ${step}`}>
          <Card
            title={<Text limit={80}>{step}</Text>}
            action={
              <Button tiny onClick={() => select(undefined)}>
                Close
              </Button>
            }
          >
            <Json value={definition} what="the definition" />
          </Card>
          <Problems faults={faults.filter((fault) => stepOfPointer(fault.pointer, steps) === step)} steps={steps} />
        </aside>
      )}
    </div>
  );
}

function History({ version }: { version: VersionInFull }) {
  return (
    <Card title="History">
      <ol className={css.history}>
        {[...version.transitions].reverse().map((change) => (
          <li key={`${change.at} ${change.to}`}>
            <div className={ui.row}>
              <Status status={change.from} bare /> → <Status status={change.to} />
              <span className={ui.hint}>
                <Time at={change.at} /> by <Text limit={120}>{change.by ?? 'somebody'}</Text>
              </span>
            </div>
            {change.comment && (
              <p>
                <Text limit={2000}>{change.comment}</Text>
              </p>
            )}
          </li>
        ))}
        <li>
          <span className={ui.hint}>
            Created <Time at={version.created_at} />
          </span>
        </li>
      </ol>
      <Facts
        of={[
          ['Digest', version.dag_sha256 && <code key="sha">{version.dag_sha256}</code>],
          ['Revision', version.revision],
          ['Id', <code key="id">{version.id}</code>],
        ]}
      />
    </Card>
  );
}
