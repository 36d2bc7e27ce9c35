import type { RunDetails, StepRecord } from '@/api/types';
import { Failure } from '@/components/failure';
import { Json } from '@/components/json';
import { Status } from '@/components/status';
import { Duration, Time } from '@/components/time';
import { Button, Card, Facts, Loading, LongText, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { stepDefinition } from '@/lib/spec';
import { formatBytes } from '@/lib/text';
import css from './run.module.css';
import { useStepRecords } from './use-run';

/** One step of a run: how it stands, what it gave, and how it is defined. */
export function StepPanel({ details, id, onClose }: { details: RunDetails; id: string; onClose: () => void }) {
  const step = details.steps.find((one) => one.step_id === id);
  const records = useStepRecords(details, true);
  const own = records.data?.filter((record) => record.step_id === id) ?? [];
  const whole = own.find((record) => record.item === null || record.item === undefined);
  const items = own.filter((record) => record.item !== null && record.item !== undefined);
  const definition = stepDefinition(details.pipeline_version.dag_spec, id);
  const error = whole?.error ?? step?.error;
  return (
    <aside className={css.panel} aria-label={`Step ${id}`}>
      <Card
        title={<Text limit={80}>{id}</Text>}
        action={
          <Button tiny onClick={onClose}>
            Close
          </Button>
        }
      >
        {step && (
          <Facts
            of={[
              ['Status', <Status key="status" status={step.status} />],
              ['Why', step.reason?.replaceAll('_', ' ')],
              ['Type', step.type],
              ['Attempts', step.attempts],
              ['Started', step.started_at && <Time key="started" at={step.started_at} millis />],
              [
                'Took',
                step.started_at && step.finished_at && (
                  <Duration key="took" from={step.started_at} to={step.finished_at} />
                ),
              ],
              ['Goes on', step.resume_at && <Time key="resume" at={step.resume_at} relative />],
              [
                'Items',
                step.items &&
                  `${step.items.succeeded} of ${step.items.total_known} succeeded, ${step.items.failed} failed`,
              ],
              ['Of attempt', step.run_attempt === 0 ? 'kept from the run that this one repeats' : step.run_attempt],
            ]}
          />
        )}
      </Card>
      {error && (
        <Card title={step?.status === 'FAILED' ? 'Error' : 'Error of an earlier attempt'}>
          <p>
            <strong>
              <Text>{error.error}</Text>
            </strong>
          </p>
          <div className={css.error}>
            <LongText>{error.message}</LongText>
          </div>
        </Card>
      )}
      {records.isPending && <Loading what="its output" />}
      {records.error && <Failure error={records.error} onRetry={() => void records.refetch()} />}
      {whole && step?.status === 'SUCCEEDED' && <Output record={whole} />}
      {items.length > 0 && <Items items={items} />}
      {definition !== undefined && (
        <Card title="Definition">
          <Json value={definition} what="the definition" />
        </Card>
      )}
    </aside>
  );
}

function Output({ record }: { record: StepRecord }) {
  return (
    <Card title="Output">
      {record.output_ref ? (
        <Facts
          of={[
            ['Kept at', <Text key="ref">{record.output_ref}</Text>],
            ['Size', record.output_bytes ? formatBytes(record.output_bytes) : null],
          ]}
        />
      ) : (
        <Json value={record.output ?? null} what="the output" />
      )}
    </Card>
  );
}

function Items({ items }: { items: StepRecord[] }) {
  return (
    <Card title={`Items (${items.length})`}>
      <div className={ui.tableWrap}>
        <table className={ui.table}>
          <thead>
            <tr>
              <th scope="col">Item</th>
              <th scope="col">Status</th>
              <th scope="col">Attempts</th>
              <th scope="col">Error</th>
            </tr>
          </thead>
          <tbody>
            {items.slice(0, 200).map((item) => (
              <tr key={item.item}>
                <td>{item.item}</td>
                <td>
                  <Status status={item.status} bare />
                </td>
                <td>{item.attempts}</td>
                <td>
                  <Text>{item.error ? `${item.error.error}: ${item.error.message}` : ''}</Text>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {items.length > 200 && <p className={ui.hint}>The first 200 are shown.</p>}
    </Card>
  );
}
