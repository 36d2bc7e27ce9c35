/** What went wrong with a call: what the API said (RFC 9457), or that there was no answer at all. */

export interface Fault {
  pointer: string;
  detail: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  readonly faults: readonly Fault[];

  constructor(init: {
    status: number;
    code: string;
    title: string;
    detail: string;
    requestId: string | null;
    faults: readonly Fault[];
  }) {
    super(init.detail);
    this.name = 'ApiError';
    this.status = init.status;
    this.code = init.code;
    this.title = init.title;
    this.requestId = init.requestId;
    this.faults = init.faults;
  }
}

/** There was no answer: no network, or nobody there, or not in time. */
export class Unreachable extends Error {
  constructor(cause?: unknown) {
    super('The control plane does not answer.', { cause });
    this.name = 'Unreachable';
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error of an answer that is no success. Gateways answer in words of their own, so nothing is taken for granted. */
export function toApiError(status: number, body: unknown): ApiError {
  const problem = isObject(body) ? body : {};
  const text = (name: string) => (typeof problem[name] === 'string' ? (problem[name] as string) : null);
  const faults = Array.isArray(problem.errors)
    ? problem.errors.filter(isObject).map((e) => ({ pointer: String(e.pointer ?? ''), detail: String(e.detail ?? '') }))
    : [];
  return new ApiError({
    status,
    code: text('code') ?? `http_${status}`,
    title: text('title') ?? `The answer was ${status}`,
    detail: text('detail') ?? text('message') ?? `The control plane answered ${status}.`,
    requestId: text('request_id'),
    faults,
  });
}

/** Whether asking again may help: not after an answer that says what is wrong with the question. */
export function mayHelpToRetry(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiError && (error.status >= 500 || error.status === 429));
}
