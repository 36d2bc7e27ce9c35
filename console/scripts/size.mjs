// What a first visit loads, compressed as it is served: the build fails above the limit.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 300 * 1024;
const dist = new URL('../dist/', import.meta.url);
const read = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

const files = new Set(['index.html']);
const visit = (name) => {
  const chunk = manifest[name];
  if (files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const next of chunk.imports ?? []) visit(next);
};
visit('index.html');

const first = [...files].reduce((sum, file) => sum + read(file), 0);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
for (const file of files) console.log(`  ${file}: ${kib(read(file))}`);
console.log(`First load: ${kib(first)} of ${kib(LIMIT)}, gzip.`);
if (first > LIMIT) {
  console.error('The first load has grown beyond its limit.');
  process.exit(1);
}
