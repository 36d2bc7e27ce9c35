import { describe, expect, it } from 'vitest';
import type { WaitingFor } from '@/api/types';
import { aRun, at, T0 } from './fixtures';
import { leaseOf, whyItWaits } from './why';

const REASONS = [
  'delayed',
  'backoff',
  'tenant_paused',
  'pipeline_paused',
  'tenant_limit',
  'pipeline_limit',
  'concurrency_key',
  'dispatch',
  'worker',
] as const;

describe('why a run waits', () => {
  it.each(REASONS)('has words for %s', (reason) => {
    const why = whyItWaits({ reason, since: at(0) } as WaitingFor, aRun({ concurrency_key: 'k1' }));
    expect(why.title).not.toBe('');
    expect(why.detail).not.toBe('');
  });
  it('says the key, the queue, and how often SQS was told', () => {
    const waiting = (reason: WaitingFor['reason'], more = {}) => ({ reason, since: at(0), ...more }) as WaitingFor;
    expect(whyItWaits(waiting('concurrency_key'), aRun({ concurrency_key: 'k1' })).detail).toContain('k1');
    expect(whyItWaits(waiting('worker'), aRun({ dispatch: 'pull', queue: 'gpu' })).detail).toContain('gpu');
    const push = whyItWaits(waiting('worker', { dispatches: 2, next_dispatch_at: at(60) }), aRun());
    expect(push).toMatchObject({ detail: expect.stringContaining('2 times'), until: at(60) });
  });
});

describe('a lease', () => {
  const run = aRun({ status: 'RUNNING', claimed_by: 'w-1', lease_expires_at: at(60) });
  it('is held until it expires', () => {
    expect(leaseOf(run, T0)).toMatchObject({ holder: 'w-1', state: 'held', words: 'expires in 1 min' });
    expect(leaseOf(run, T0 + 61_000)).toMatchObject({ state: 'expired' });
  });
  it('is of nobody when the run does not run', () => {
    expect(leaseOf({ ...run, status: 'SUCCEEDED' }, T0)).toBeNull();
  });
});
