// pg-boss: its fetch and complete in a loop, which is its SQL alone, and its own worker.
import { PgBoss } from "pg-boss";
import { measure, report, sleep, spec, unknown } from "./common.mjs";

const QUEUE = "noop";
const settings = {
  loop_1: { loops: spec.workers ?? 8, batchSize: 1 },
  loop_100: { loops: spec.workers ?? 8, batchSize: 100 },
  // work() polls at least half a second apart unless it may burst.
  work_1: { work: { batchSize: 1, localConcurrency: 24, burstWhenReadyExceeds: 1 } },
  work_100: { work: { batchSize: 100, localConcurrency: 8, burstWhenBatchFull: true } },
};
// How long its cache needs to see the backlog: without it, work() does not burst.
const CACHE_MS = 2500;

const boss = new PgBoss({
  connectionString: spec.url,
  max: 25,
  schedule: false,
  monitorIntervalSeconds: 1,
  superviseIntervalSeconds: 1,
  queueCacheIntervalSeconds: 1,
});
boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));

async function seed() {
  await boss.createQueue(QUEUE);
  for (let from = 0; from < spec.runs; from += 1000) {
    const length = Math.min(1000, spec.runs - from);
    await boss.insert(QUEUE, Array.from({ length }, (_, at) => ({ data: { id: from + at } })));
  }
}

async function work() {
  const { loops, batchSize, work } = settings[spec.setting] ?? unknown(`setting: ${spec.setting}`);
  let done = 0;
  let stop = false;
  const loop = async () => {
    while (!stop) {
      const jobs = await boss.fetch(QUEUE, { batchSize });
      if (!jobs?.length) return;
      await boss.complete(QUEUE, jobs.map((job) => job.id));
      done += jobs.length;
    }
  };
  let running = [];
  if (work) {
    await sleep(CACHE_MS);
    await boss.work(QUEUE, { pollingIntervalSeconds: 0.5, ...work }, async (jobs) => { done += jobs.length; });
  } else {
    running = Array.from({ length: loops }, loop);
  }
  const measured = await measure(() => done);
  stop = true;
  await Promise.all(running);
  if (work) await boss.offWork(QUEUE, { wait: true });
  return [measured, done];
}

await boss.start();
const result = await ({ seed, run: work }[spec.action] ?? unknown(`action: ${spec.action}`))();
await boss.stop({ graceful: true, timeout: 10000 });
if (result) report(...result);
process.exit(0);
