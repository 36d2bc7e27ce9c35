/**
 * What the console can show and the API does not tell yet. Each call falls back where there is no such endpoint; once it
 * is in docs/openapi.json, its type here is to be replaced by the generated one.
 */
import { getUntyped } from './client';
import { ApiError } from './problem';
import type { Identity, Role } from './session';

const absent = (error: unknown) =>
  error instanceof ApiError && [403, 404, 405].includes(error.status) && error.requestId === null;

/** `GET /api/me`: whose credential this is. Null where the API has no such endpoint. */
export async function whoAmI(): Promise<Identity | null> {
  try {
    const me = (await getUntyped('/api/me')) as { principal: string; tenant_id: string | null; roles: Role[] };
    return { principal: me.principal, tenantId: me.tenant_id ?? null, roles: me.roles };
  } catch (error) {
    if (absent(error)) return null;
    throw error;
  }
}

export interface StatsBucket {
  at: string;
  created: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface PipelineStats {
  pipeline_id: string;
  pipeline: string;
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface Stats {
  at: string;
  queued: number;
  running: number;
  oldest_waiting_since: string | null;
  expired_leases: number;
  workers_alive: number;
  bucket_seconds: number;
  buckets: StatsBucket[];
  pipelines: PipelineStats[];
}

/** `GET /api/stats`: the figures of the last `hours`. Null where the API has no such endpoint. */
export async function stats(tenantId: string | undefined, hours: number): Promise<Stats | null> {
  const query = new URLSearchParams({ hours: String(hours), ...(tenantId ? { tenant_id: tenantId } : {}) });
  try {
    return (await getUntyped(`/api/stats?${query}`)) as Stats;
  } catch (error) {
    if (absent(error)) return null;
    throw error;
  }
}
