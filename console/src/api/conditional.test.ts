import { expect, it } from 'vitest';
import { Answers } from './conditional';

const url = 'http://localhost/api/runs';
const answer = (body: string, etag?: string) => new Response(body, { headers: etag ? { ETag: etag } : {} });

it('a second GET asks with the tag of the first, and 304 gives what is there', async () => {
  const answers = new Answers();
  await answers.take(new Request(url), answer('{"a":1}', '"1"'));
  const again = new Request(url);
  answers.ask(again);
  expect(again.headers.get('If-None-Match')).toBe('"1"');
  const taken = await answers.take(again, new Response(null, { status: 304 }));
  expect(taken.status).toBe(200);
  expect(await taken.json()).toEqual({ a: 1 });
});

it('without a tag, with another address, or after clear() nothing is added', async () => {
  const answers = new Answers();
  await answers.take(new Request(url), answer('{}'));
  const plain = new Request(url);
  answers.ask(plain);
  expect(plain.headers.has('If-None-Match')).toBe(false);

  await answers.take(new Request(url), answer('{}', '"1"'));
  const other = new Request(`${url}?limit=2`);
  answers.ask(other);
  expect(other.headers.has('If-None-Match')).toBe(false);

  answers.clear();
  const cleared = new Request(url);
  answers.ask(cleared);
  expect(cleared.headers.has('If-None-Match')).toBe(false);
});

it('keeps so many answers and no more, and an error is no answer to keep', async () => {
  const answers = new Answers();
  for (let i = 0; i < 65; i++) await answers.take(new Request(`${url}?i=${i}`), answer('{}', `"${i}"`));
  const first = new Request(`${url}?i=0`);
  answers.ask(first);
  expect(first.headers.has('If-None-Match')).toBe(false);

  await answers.take(new Request(`${url}?bad`), new Response('{}', { status: 503, headers: { ETag: '"x"' } }));
  const bad = new Request(`${url}?bad`);
  answers.ask(bad);
  expect(bad.headers.has('If-None-Match')).toBe(false);
});
