import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { curl, quote } from './curl';

it('what a shell reads is what was meant, whatever stands in it', () => {
  const texts = ["it's", '$(touch /tmp/x)', '`id`', 'a b', '"', "'\\''", 'line\nbreak', '!', '东京'];
  const said = execFileSync('sh', ['-c', `printf '%s\\0' ${texts.map(quote).join(' ')}`], { encoding: 'utf8' });
  expect(said.split('\0').slice(0, -1)).toEqual(texts);
});

it('never holds a key, and leaves the header out where nobody is asked', () => {
  expect(curl('POST', 'http://x/api/runs', { a: "it's" })).toBe(
    `curl -sS -X POST -H "Authorization: Bearer $RUNPLANE_API_KEY" -H 'Content-Type: application/json' --data-raw '{"a":"it'\\''s"}' http://x/api/runs`,
  );
  expect(curl('GET', 'http://x/api/runs?limit=1', undefined, false)).toBe(`curl -sS 'http://x/api/runs?limit=1'`);
});
