import type { Role } from '@/api/session';

/** Who may do what, as docs/security.md has it: what a role may not do is not offered. The API decides all the same. */
const ALLOWED = {
  'run.read': ['viewer', 'submitter', 'approver', 'admin', 'operator'],
  'run.create': ['submitter', 'operator'],
  'run.cancel': ['submitter', 'operator'],
  'run.retry': ['submitter', 'operator'],
  'pipeline.write': ['admin', 'operator'],
  'version.write': ['admin', 'operator'],
  'version.approve': ['approver', 'operator'],
  'connection.write': ['admin', 'operator'],
  'schedule.write': ['admin', 'operator'],
  'webhook.write': ['admin', 'operator'],
  'key.read': ['admin', 'operator'],
  'key.write': ['admin', 'operator'],
  'audit.read': ['admin', 'operator'],
  'tenant.write': ['operator'],
} satisfies Record<string, Role[]>;

export type Action = keyof typeof ALLOWED;

/** Whether one of `roles` may do it. Where roles are not known (null) everything is offered. */
export function may(roles: readonly Role[] | null, action: Action): boolean {
  if (roles === null) return true;
  const allowed: readonly Role[] = ALLOWED[action];
  return roles.some((role) => allowed.includes(role));
}
