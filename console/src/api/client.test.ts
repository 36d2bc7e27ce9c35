// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { api, unwrap, withLabels } from './client';
import { whoAmI } from './pending';
import { ApiError, mayHelpToRetry, Unreachable } from './problem';
import { getSession, setCredential, signedIn, signedOut } from './session';

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
const problem = (status: number, code: string) =>
  json(status, { type: 'about:blank', title: code, status, detail: `It is ${code}`, code, request_id: 'r-1' });
const runs = () => unwrap(api.GET('/api/runs', { params: { query: { limit: 1 } } }));

function answering(answer: () => Response | Promise<Response>) {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    asked.push(request);
    return Promise.resolve(answer());
  });
  return asked;
}

beforeEach(() => {
  signedOut();
  setCredential(null);
});

describe('a request', () => {
  it('has the key in its header and nowhere else', async () => {
    const asked = answering(() => json(200, { items: [] }));
    setCredential('rp_secret');
    await runs();
    expect(asked[0]?.headers.get('Authorization')).toBe('Bearer rp_secret');
    expect(asked[0]?.url).not.toContain('rp_secret');
  });

  it('that is answered 401 signs out, and forgets the key', async () => {
    answering(() => problem(401, 'unauthenticated'));
    setCredential('rp_revoked');
    signedIn({ principal: 'me', tenantId: null, roles: ['viewer'] }, false);
    await expect(runs()).rejects.toMatchObject({ status: 401 });
    expect(getSession().state).toBe('out');
    const asked = answering(() => json(200, { items: [] }));
    await runs();
    expect(asked[0]?.headers.has('Authorization')).toBe(false);
  });

  it('that is refused with 403 says why, and nobody is signed out', async () => {
    answering(() => problem(403, 'forbidden'));
    signedIn({ principal: 'me', tenantId: null, roles: ['viewer'] }, false);
    const error: unknown = await runs().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'forbidden', message: 'It is forbidden', requestId: 'r-1' });
    expect(mayHelpToRetry(error)).toBe(false);
    expect(getSession().state).toBe('in');
  });

  it('without an answer is one that may be repeated', async () => {
    answering(() => Promise.reject(new TypeError('no network')));
    const error: unknown = await runs().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unreachable);
    expect(mayHelpToRetry(error)).toBe(true);
  });

  it('that a gateway answers in words of its own is an error all the same', async () => {
    answering(
      () => new Response('<html>Bad gateway</html>', { status: 502, headers: { 'Content-Type': 'text/html' } }),
    );
    const error: unknown = await runs().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 502, code: 'http_502' });
  });
});

it('labels are part of the query, whatever is in them', () => {
  const query = withLabels({ team: 'a&b', 'x.y': '=' })({ status: ['FAILED', 'QUEUED'], limit: 5 });
  expect([...new URLSearchParams(query)]).toEqual([
    ['status', 'FAILED'],
    ['status', 'QUEUED'],
    ['limit', '5'],
    ['label.team', 'a&b'],
    ['label.x.y', '='],
  ]);
});

it('who one is: null where a gateway knows no such path, an error where the API says no', async () => {
  answering(() => json(404, { message: 'Not Found' }));
  expect(await whoAmI()).toBeNull();
  answering(() => problem(401, 'unauthenticated'));
  await expect(whoAmI()).rejects.toMatchObject({ status: 401 });
});
