/** The filters of the list of runs, as they stand in the address. What makes no sense there is left out, not an error. */
import type { RunStatus } from '@/api/types';

export const RUN_STATUSES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] as const satisfies RunStatus[];

export interface RunFilters {
  status?: RunStatus[];
  pipeline?: string;
  version?: string;
  queue?: string;
  /** `key=value`, several with commas between. */
  labels?: string;
  after?: string;
  before?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function text(value: unknown): string | undefined {
  const found = typeof value === 'number' ? String(value) : value;
  return typeof found === 'string' && found.trim() !== '' ? found : undefined;
}

const uuid = (value: unknown) => (typeof value === 'string' && UUID.test(value) ? value.toLowerCase() : undefined);

function time(value: unknown): string | undefined {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : undefined;
}

export function isUuid(value: string): boolean {
  return UUID.test(value);
}

/** The filters in the search part of an address. */
export function readFilters(search: Record<string, unknown>): RunFilters {
  const asked = (Array.isArray(search.status) ? search.status : [search.status]).map((s) => String(s).toUpperCase());
  const status = RUN_STATUSES.filter((s) => asked.includes(s));
  const found: RunFilters = {
    status: status.length > 0 ? status : undefined,
    pipeline: uuid(search.pipeline),
    version: uuid(search.version),
    queue: text(search.queue),
    labels: text(search.labels),
    after: time(search.after),
    before: time(search.before),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** `team=blue, env=prod` as a map; null with what is wrong is never thrown: a piece without `=` is left out. */
export function readLabels(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '')
    .split(',')
    .map((piece) => piece.trim())
    .filter((piece) => piece.indexOf('=') > 0)
    .map((piece) => [piece.slice(0, piece.indexOf('=')).trim(), piece.slice(piece.indexOf('=') + 1).trim()] as const);
  return Object.fromEntries(pairs);
}

/** The query of `GET /api/runs`, without labels, cursor and limit. */
export function toQuery(filters: RunFilters, tenantId: string | undefined) {
  return {
    ...(tenantId ? { tenant_id: tenantId } : {}),
    ...(filters.status ? { status: filters.status } : {}),
    ...(filters.pipeline ? { pipeline_id: filters.pipeline } : {}),
    ...(filters.version ? { pipeline_version_id: filters.version } : {}),
    ...(filters.queue ? { queue: filters.queue } : {}),
    ...(filters.after ? { created_after: filters.after } : {}),
    ...(filters.before ? { created_before: filters.before } : {}),
  };
}

export function countFilters(filters: RunFilters): number {
  return Object.values(filters).filter((value) => value !== undefined).length;
}
