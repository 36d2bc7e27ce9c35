/** Why a run waits, and who holds it: in a sentence. */
import type { Run, WaitingFor } from '@/api/types';
import { formatRelative } from './time';

export interface Why {
  title: string;
  detail: string;
  /** When it goes on by itself, if that is known. */
  until: string | null;
}

export function whyItWaits(
  waiting: WaitingFor,
  run: Pick<Run, 'queue' | 'dispatch' | 'concurrency_key' | 'attempt'>,
): Why {
  const until = waiting.until ?? null;
  switch (waiting.reason) {
    case 'delayed':
      return {
        title: 'It is not due yet',
        detail: 'Its creator, or whoever handed it back, wants it to go on later.',
        until,
      };
    case 'backoff':
      return {
        title: 'It pauses after a failed attempt',
        detail: `Attempt ${run.attempt} follows after the pause.`,
        until,
      };
    case 'tenant_paused':
      return {
        title: 'Its tenant is paused',
        detail: 'Nothing of this tenant is claimed until somebody lets it go on.',
        until,
      };
    case 'pipeline_paused':
      return {
        title: 'Its pipeline is paused',
        detail: 'None of its runs is claimed until somebody lets it go on.',
        until,
      };
    case 'tenant_limit':
      return {
        title: 'Its tenant is at its limit',
        detail: 'As many runs of the tenant are RUNNING as may be at once.',
        until,
      };
    case 'pipeline_limit':
      return {
        title: 'Its pipeline is at its limit',
        detail: 'As many runs of the pipeline are RUNNING as may be at once.',
        until,
      };
    case 'concurrency_key':
      return {
        title: 'Another run has its concurrency key',
        detail: `A run with the key ${run.concurrency_key ?? ''} is RUNNING, and only one may be.`,
        until,
      };
    case 'dispatch':
      return {
        title: 'SQS has not been told yet',
        detail: 'It can be claimed meanwhile; the sweep sends the message.',
        until,
      };
    case 'worker': {
      const told = waiting.dispatches ?? 0;
      const push = `SQS was told ${told === 1 ? 'once' : `${told} times`}; the worker function has not claimed it yet.`;
      const pull = `A worker that serves the queue ${run.queue} has to claim it.`;
      return {
        title: 'It waits for a worker',
        detail: run.dispatch === 'push' ? push : pull,
        until: waiting.next_dispatch_at ?? null,
      };
    }
  }
}

export interface Lease {
  holder: string;
  until: string | null;
  /** Expired: whoever held it is silent, and another worker may take the run over. */
  state: 'held' | 'expired';
  words: string;
}

/** Who holds the lease of a RUNNING run, until when; null of any other. */
export function leaseOf(run: Run, now: number): Lease | null {
  if (run.status !== 'RUNNING' || !run.claimed_by) return null;
  const until = run.lease_expires_at ?? null;
  const end = until ? Date.parse(until) : now;
  const expired = end <= now;
  return {
    holder: run.claimed_by,
    until,
    state: expired ? 'expired' : 'held',
    words: expired
      ? `expired ${formatRelative(end, now)}: another worker may take it over`
      : `expires ${formatRelative(end, now)}`,
  };
}
