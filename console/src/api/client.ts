import createClient, { createQuerySerializer } from 'openapi-fetch';
import { Answers } from './conditional';
import { toApiError, Unreachable } from './problem';
import { noteReachable } from './reachable';
import type { components, paths } from './schema.gen';
import { getCredential, getSession, signedOut } from './session';

export type Schemas = components['schemas'];

/** Functions answer within 30 s; whoever waits longer waits for nobody. */
const PATIENCE_MS = 35_000;

export const answers = new Answers();

async function send(request: Request): Promise<Response> {
  const credential = await getCredential();
  if (credential) request.headers.set('Authorization', `Bearer ${credential}`);
  answers.ask(request);
  let response: Response;
  try {
    response = await fetch(request, {
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
  } catch (error) {
    if (request.signal.aborted) throw error;
    noteReachable(false);
    throw new Unreachable(error);
  }
  noteReachable(true);
  if (response.status === 401 && getSession().state === 'in') {
    answers.clear();
    signedOut('Your key or token is not valid any more: it was revoked, or has expired.');
  }
  return await answers.take(request, response);
}

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '', fetch: send });

const serialize = createQuerySerializer();

/** A query with `label.<key>=<value>` besides: names that OpenAPI cannot list. */
export function withLabels(labels: Readonly<Record<string, string>>): (query: Record<string, unknown>) => string {
  return (query) => {
    const more = new URLSearchParams(Object.entries(labels).map(([key, value]) => [`label.${key}`, value]));
    return [serialize(query), more.toString()].filter(Boolean).join('&');
  };
}

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or throws what went wrong: `ApiError` or `Unreachable`. */
export async function unwrap<T>(call: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await call;
  } catch (error) {
    // An answer that says it is JSON and is none: from something that stands in between.
    if (error instanceof SyntaxError) throw toApiError(502, null);
    throw error;
  }
  if (!result.response.ok) throw toApiError(result.response.status, result.error);
  return result.data as T;
}

/** A GET of what `docs/openapi.json` does not have yet; see `pending.ts`. */
export async function getUntyped(path: string): Promise<unknown> {
  const response = await send(new Request(new URL(path, globalThis.location.origin)));
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw toApiError(response.status, body);
  return body;
}
