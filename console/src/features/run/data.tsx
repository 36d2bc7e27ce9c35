import type { RunDetails } from '@/api/types';
import { Failure } from '@/components/failure';
import { Json } from '@/components/json';
import { Time } from '@/components/time';
import { Card, Empty, Facts, Loading, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import css from './run.module.css';
import { useArtifacts } from './use-run';

/** What went in, what came out, and how it was asked for. */
export function DataTab({ details: { run } }: { details: RunDetails }) {
  const artifacts = useArtifacts(run);
  const labels = Object.entries(run.labels);
  return (
    <div className={css.columns}>
      <Card title="Parameters">
        <Json value={run.parameters} what="the parameters" />
      </Card>
      <Card title="Output">
        {run.status === 'SUCCEEDED' ? (
          <Json value={run.output ?? null} what="the output" />
        ) : (
          <p className={ui.soft}>There is none, unless it succeeds.</p>
        )}
      </Card>
      <Card title="Artifacts">
        {artifacts.error && <Failure error={artifacts.error} onRetry={() => void artifacts.refetch()} />}
        {artifacts.isPending && <Loading what="artifacts" />}
        {artifacts.data?.items.length === 0 && <Empty title="It has made none" />}
        <div className={ui.stack}>
          {artifacts.data?.items.map((artifact) => (
            <div key={artifact.id} className={ui.stack}>
              <h3>
                <Text limit={100}>{artifact.artifact_type}</Text>{' '}
                <span className={ui.hint}>
                  <Time at={artifact.created_at} /> {artifact.source && <Text limit={80}>{artifact.source}</Text>}
                </span>
              </h3>
              <Json value={artifact.payload} what={`the artifact ${artifact.artifact_type.slice(0, 60)}`} />
            </div>
          ))}
        </div>
        {artifacts.data?.next_cursor && <p className={ui.hint}>The first 100 are shown.</p>}
      </Card>
      <Card title="The run">
        <Facts
          of={[
            ['Trigger', <Text key="trigger">{run.trigger_type}</Text>],
            ['Dispatch', run.dispatch],
            ['Queue', <Text key="queue">{run.queue}</Text>],
            ['Priority', run.priority],
            ['Labels', labels.length > 0 && labels.map(([key, value]) => <Label key={key} name={key} value={value} />)],
            ['Concurrency key', run.concurrency_key && <Text key="key">{run.concurrency_key}</Text>],
            ['Created', <Time key="created" at={run.created_at} millis />],
            ['Available', <Time key="available" at={run.available_at} millis />],
            ['Start by', run.start_by && <Time key="start" at={run.start_by} millis />],
            ['Started', run.started_at && <Time key="started" at={run.started_at} millis />],
            ['Finished', run.finished_at && <Time key="finished" at={run.finished_at} millis />],
            ['Scheduled for', run.scheduled_for && <Time key="scheduled" at={run.scheduled_for} />],
            ['Trace', run.traceparent && <code key="trace">{run.traceparent}</code>],
            ['Tenant', <code key="tenant">{run.tenant_id}</code>],
          ]}
        />
      </Card>
    </div>
  );
}

function Label({ name, value }: { name: string; value: string }) {
  return (
    <span className={ui.chip}>
      <Text limit={160}>{`${name}=${value}`}</Text>
    </span>
  );
}
