import type { RunDetails } from '@/api/types';
import { Time, useNow } from '@/components/time';
import { LongText, Notice, Text } from '@/components/ui';
import { leaseOf, whyItWaits } from '@/lib/why';
import css from './run.module.css';

/** What one wants to know first: why it waits, who holds it, what went wrong. */
export function Situation({ details: { run, waiting_for: waiting } }: { details: RunDetails }) {
  const now = useNow(run.status === 'RUNNING');
  const lease = leaseOf(run, now);
  const why = waiting ? whyItWaits(waiting, run) : null;
  return (
    <>
      {why && waiting && (
        <Notice>
          <strong>
            <Text>{why.title}</Text>
          </strong>{' '}
          since <Time at={waiting.since} relative />
          <p>
            <Text>{why.detail}</Text>
            {why.until && (
              <>
                {' '}
                It goes on <Time at={why.until} relative />.
              </>
            )}
          </p>
        </Notice>
      )}
      {lease && (
        <Notice tone={lease.state === 'expired' ? 'warn' : 'run'}>
          <strong>
            Held by <Text limit={120}>{lease.holder}</Text>
          </strong>
          <p>
            The lease {lease.words}
            {lease.until && (
              <>
                {' '}
                (<Time at={lease.until} />)
              </>
            )}
            . Last heard of <Time at={run.heartbeat_at ?? run.claimed_at} relative />.
          </p>
        </Notice>
      )}
      {(run.error_code || run.error_message) && (
        <Notice tone={run.status === 'CANCELLED' ? 'warn' : 'bad'}>
          <strong>
            <Text>{run.error_code ?? 'Without a code'}</Text>
          </strong>
          {run.error_message && (
            <div className={css.error}>
              <LongText>{run.error_message}</LongText>
            </div>
          )}
        </Notice>
      )}
    </>
  );
}
