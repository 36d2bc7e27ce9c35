// What the peers share: how they are told what to do, and how they are measured.
//
//   node <peer>.mjs '{"action":"seed","url":"postgres://…","runs":1000}'
//   node <peer>.mjs '{"action":"run","url":"postgres://…","setting":"…","seconds":5,"runs":1000,"workers":16}'
//
// `workers` is how many work at once; each peer has a number of its own where it is left out. `run` prints one line of JSON: {"done": jobs within the measured time, "seconds": how long that was, "total": all jobs done}.

export const spec = JSON.parse(process.argv[2]);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Let what is lazy (connections, prepared statements, caches) be over before the clock starts.
const WARM_UP_MS = 300;

// Watches `count()` for the seconds asked for, or until the queue is empty. The clock starts once jobs are being done.
export async function measure(count) {
  while (count() === 0) await sleep(1);
  await sleep(WARM_UP_MS);
  const [before, start] = [count(), performance.now()];
  const elapsed = () => (performance.now() - start) / 1000;
  while (elapsed() < spec.seconds && count() < spec.runs) await sleep(5);
  return { done: count() - before, seconds: elapsed() };
}

export const report = (measured, total) => console.log(JSON.stringify({ ...measured, total }));

export function unknown(what) {
  throw new Error(`no such ${what}`);
}
