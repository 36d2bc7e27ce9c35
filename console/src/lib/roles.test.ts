import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Role } from '@/api/session';
import { type Action, may } from './roles';

const ROLES: Role[] = ['viewer', 'submitter', 'worker', 'approver', 'admin', 'operator'];

const ENDPOINTS: Record<Action, string> = {
  'run.read': 'GET /api/runs',
  'run.create': 'POST /api/runs',
  'run.cancel': 'POST /api/runs/{run_id}/cancel',
  'run.retry': 'POST /api/runs/{run_id}/retry',
  'pipeline.write': 'POST /api/pipelines',
  'version.write': 'PUT /api/pipeline-versions/{pipeline_version_id}',
  'version.approve': 'POST /api/pipeline-versions/{pipeline_version_id}/status',
  'connection.write': 'POST /api/connections',
  'schedule.write': 'PATCH /api/schedules/{schedule_id}',
  'webhook.write': 'PATCH /api/webhooks/{webhook_id}',
  'key.read': 'GET /api/keys',
  'key.write': 'POST /api/keys',
  'audit.read': 'GET /api/audit',
  'tenant.write': 'PATCH /api/tenants/{tenant_id}',
};

// The table in docs/security.md is made from the code of the functions, so this one cannot differ from them either.
const table = readFileSync('../docs/security.md', 'utf8');

it.each(Object.entries(ENDPOINTS) as [Action, string][])('%s is offered to whom %s is allowed', (action, endpoint) => {
  const row = table.split('\n').find((line) => line.startsWith(`| \`${endpoint}\` |`));
  expect(row, endpoint).toBeDefined();
  const cells = row
    ?.split('|')
    .slice(2, 8)
    .map((cell) => cell.trim() === '✓');
  expect(ROLES.map((role) => may([role], action))).toEqual(cells);
});

it('offers everything where roles are not known, and nothing where there are none', () => {
  expect(may(null, 'tenant.write')).toBe(true);
  expect(may([], 'run.read')).toBe(false);
});
