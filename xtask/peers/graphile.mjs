// graphile-worker: one process, by default at 24 concurrent jobs, which is the setting of its own performance test.
import pg from "pg";
import { Logger, run, runMigrations } from "graphile-worker";
import { measure, report, sleep, spec, unknown } from "./common.mjs";

const CONCURRENCY = spec.workers ?? 24;
const settings = {
  default: {},
  // Fetches jobs 500 at a time; each is completed by a statement of its own.
  local_queue: { localQueue: { size: 500 } },
  // Completes together whatever has ended meanwhile.
  batched: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
};
const logger = new Logger(() => () => {});

async function seed() {
  await runMigrations({ connectionString: spec.url, logger });
  const client = new pg.Client(spec.url);
  await client.connect();
  const job = "row('noop', json_build_object('id', i), null, null, null, null, null, null)::graphile_worker.job_spec";
  await client.query(
    `do $$ begin perform graphile_worker.add_jobs(array(select ${job} from generate_series(1, ${Number(spec.runs)}) i)); end $$`,
  );
  await client.end();
}

async function work() {
  const worker = settings[spec.setting] ?? unknown(`setting: ${spec.setting}`);
  const pool = new pg.Pool({ connectionString: spec.url, max: CONCURRENCY + 1 });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  let done = 0;
  const runner = await run({
    preset: { worker: { concurrentJobs: CONCURRENCY, ...worker } },
    pgPool: pool,
    logger,
    noHandleSignals: true,
    taskList: { noop: () => { done++; } },
  });
  const measured = await measure(() => done);
  await runner.stop();
  // The last completions are still under way.
  await sleep(500);
  await pool.end();
  report(measured, done);
}

await ({ seed, run: work }[spec.action] ?? unknown(`action: ${spec.action}`))();
process.exit(0);
