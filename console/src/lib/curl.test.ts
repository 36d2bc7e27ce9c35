import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { curl, quote } from './curl';

it('what a shell reads is what was meant, whatever stands in it', () => {
  for (const text of ["it's", '$(touch /tmp/x)', '`id`', 'a b', '"', "'\\''", 'line\nbreak', '!', '东京']) {
    expect(execFileSync('sh', ['-c', `printf %s ${quote(text)}`], { encoding: 'utf8' })).toBe(text);
  }
});

it('never holds a key, and leaves the header out where nobody is asked', () => {
  expect(curl('POST', 'http://x/api/runs', { a: "it's" })).toBe(
    `curl -sS -X POST -H "Authorization: Bearer $RUNPLANE_API_KEY" -H 'Content-Type: application/json' --data-raw '{"a":"it'\\''s"}' http://x/api/runs`,
  );
  expect(curl('GET', 'http://x/api/runs?limit=1', undefined, false)).toBe(`curl -sS 'http://x/api/runs?limit=1'`);
});
