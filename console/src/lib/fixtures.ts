/** Runs for tests. */
import type { Run, RunDetails, Step } from '@/api/types';

export const T0 = Date.parse('2026-11-28T00:00:00Z');
export const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString();

export function aRun(change: Partial<Run> = {}): Run {
  return {
    id: '0193f0e2-1111-7222-8333-444455556666',
    tenant_id: '00000000-0000-4000-8000-000000000001',
    pipeline_id: '00000000-0000-4000-8000-000000000002',
    pipeline_version_id: '00000000-0000-4000-8000-000000000003',
    status: 'QUEUED',
    trigger_type: 'manual',
    parameters: {},
    queue: 'default',
    priority: 5,
    labels: {},
    dispatch: 'push',
    available_at: at(0),
    attempt: 1,
    max_attempts: 3,
    lost: 0,
    max_lost: 3,
    claim_count: 0,
    root_run_id: '0193f0e2-1111-7222-8333-444455556666',
    created_at: at(0),
    updated_at: at(0),
    ...change,
  };
}

export function aStep(id: string, change: Partial<Step> = {}): Step {
  return { step_id: id, status: 'PENDING', attempts: 0, ...change };
}

export function details(run: Partial<Run>, more: Partial<Omit<RunDetails, 'run'>> = {}): RunDetails {
  return {
    run: aRun(run),
    pipeline_version: { id: '00000000-0000-4000-8000-000000000003', version: '1', status: 'APPROVED', dag_spec: {} },
    steps: [],
    attempts: [],
    ...more,
  };
}
