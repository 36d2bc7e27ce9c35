import { Link } from '@tanstack/react-router';
import type { RunDetails } from '@/api/types';
import { Failure } from '@/components/failure';
import { Status } from '@/components/status';
import { Duration, Time } from '@/components/time';
import { Card, Empty, Facts, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { lineageOf } from '@/lib/lineage';
import { plural } from '@/lib/text';
import css from './run.module.css';
import { useLineage } from './use-run';

export function AttemptsTab({ details }: { details: RunDetails }) {
  const { run, attempts } = details;
  return (
    <div className={ui.stack}>
      <Card title="Attempts that ended badly">
        {attempts.length === 0 ? (
          <Empty title="There was none" />
        ) : (
          <div className={ui.tableWrap}>
            <table className={ui.table}>
              <thead>
                <tr>
                  <th scope="col">Attempt</th>
                  <th scope="col">End</th>
                  <th scope="col">Worker</th>
                  <th scope="col">Claimed</th>
                  <th scope="col">Took</th>
                  <th scope="col">Error</th>
                </tr>
              </thead>
              <tbody>
                {attempts.map((attempt) => (
                  <tr key={`${attempt.attempt} ${attempt.claimed_at}`}>
                    <td>{attempt.attempt}</td>
                    <td>
                      <Status status={attempt.outcome} bare />
                    </td>
                    <td>
                      <Text limit={80}>{attempt.claimed_by}</Text>
                    </td>
                    <td>
                      <Time at={attempt.claimed_at} />
                    </td>
                    <td>
                      <Duration from={attempt.claimed_at} to={attempt.ended_at} />
                    </td>
                    <td className={css.wide}>
                      <strong>
                        <Text>{attempt.error_code}</Text>
                      </strong>{' '}
                      <Text limit={500}>{attempt.error_message}</Text>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <div className={css.columns}>
        <Card title="Claims">
          <Facts
            of={[
              ['Attempt', `${run.attempt} of ${run.max_attempts}`],
              ['Leases lost', `${run.lost} of ${run.max_lost} that may be`],
              ['Claimed', plural(run.claim_count, 'time')],
              ['Held by', run.claimed_by && <Text key="by">{run.claimed_by}</Text>],
              ['Since', run.claimed_at && <Time key="at" at={run.claimed_at} millis />],
              ['Lease', run.lease_seconds && `${run.lease_seconds} s`],
            ]}
          />
        </Card>
        <LineageCard details={details} />
      </div>
    </div>
  );
}

function LineageCard({ details: { run } }: { details: RunDetails }) {
  const lineage = useLineage(run);
  const nodes = lineageOf(lineage.data ?? [run]);
  return (
    <Card title="Lineage">
      {lineage.error && <Failure error={lineage.error} onRetry={() => void lineage.refetch()} />}
      {nodes.length === 1 && <p className={ui.soft}>It repeats no other run.</p>}
      <ol className={ui.stack}>
        {nodes.map(({ run: one, depth }) => (
          <li key={one.id} style={{ marginInlineStart: depth * 18 }} className={ui.row}>
            <Status status={one.status} />
            {one.id === run.id ? (
              <strong className={ui.mono}>{one.id}</strong>
            ) : (
              <Link className={ui.mono} to="/runs/$runId" params={{ runId: one.id }}>
                {one.id}
              </Link>
            )}
            <span className={ui.hint}>
              <Time at={one.created_at} />
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
