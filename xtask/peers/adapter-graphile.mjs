// graphile-worker for the conformance script. It has no claim that a worker elsewhere could make: its worker is a library in a Node
// process, which takes jobs out of Postgres by itself. So each worker of the script is such a process (adapter-graphile-worker.mjs),
// whose task waits until the script says how the run ended. What it then does is graphile-worker's own.
import { fork } from "node:child_process";
import pg from "pg";
import { Logger, makeWorkerUtils } from "graphile-worker";
import { Refused, serve, spec, version } from "./dialect.mjs";

// A constant of dist/sql/resetLockedAt.js. It is waited for by moving `locked_at`, and nothing else is done to its tables.
const LOCK_SECONDS = 4 * 3600;

const pool = new pg.Pool({ connectionString: spec.url, max: 5 });
pool.on("error", () => {});
pool.on("connect", (client) => client.on("error", () => {}));
const utils = await makeWorkerUtils({ pgPool: pool, logger: new Logger(() => () => {}) });
await utils.migrate();

const workers = new Map();

// Starts the process of a worker, unless it runs; one that holds nothing for some seconds ends by itself.
function worker(name) {
  if (!workers.has(name)) {
    const child = fork("adapter-graphile-worker.mjs", [JSON.stringify({ url: spec.url })]);
    const waiting = new Map();
    let last = 0;
    child.on("message", ({ id, ...answer }) => {
      waiting.get(id)(answer);
      waiting.delete(id);
    });
    child.on("exit", () => {
      if (workers.get(name)?.child === child) workers.delete(name);
      for (const answer of waiting.values()) answer({ error: "the worker's process has ended" });
    });
    const ask = (order) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
        child.send({ id, ...order });
      });
    workers.set(name, { child, ask, holds: null });
  }
  return workers.get(name);
}

// `graphile_worker.jobs` is the view that it documents for looking at. What is done is deleted.
async function view(id) {
  const { rows } = await pool.query("select * from graphile_worker.jobs where id = $1", [id]);
  const [job] = rows;
  if (!job) return { id, status: "SUCCEEDED", note: "its row has been deleted" };
  const over = job.attempts >= job.max_attempts;
  return {
    id,
    status: job.locked_at ? "RUNNING" : over ? "FAILED" : "QUEUED",
    attempt: job.attempts,
    claimed_by: job.locked_by,
    claimed_at: job.locked_at,
  };
}

serve({
  describe: {
    name: `graphile-worker ${version("graphile-worker")}`,
    lease_seconds: LOCK_SECONDS,
    keeps_outputs: false,
    by_default:
      "4 h, and no other time can be set (dist/sql/resetLockedAt.js), looked for every 8 to 10 minutes (dist/config.js); whoever knows that a " +
      "worker is dead can call `forceUnlockWorkers` before",
    not_offered: {
      heartbeat: "it has none: a lock is over after 4 h, whatever its worker does",
      "two tenants": "it knows no callers: whoever reaches its schema may do everything in it",
      cancel: "a job that is locked cannot be taken back (`completeJobs` and `permanentlyFailJobs` leave it alone)",
    },
  },
  // `unsafe_dedupe` is the one mode in which a key finds a job also while a worker is at it. A limit of 1 is a named queue.
  async create({ queue, concurrency_key }, key) {
    const mode = key ? { jobKey: key, jobKeyMode: "unsafe_dedupe" } : {};
    const job = await utils.addJob(queue, {}, { ...mode, queueName: concurrency_key });
    return [job.revision === 0, await view(job.id)];
  },
  async claim({ worker_id, queues: [queue] }) {
    const asked = worker(worker_id);
    const { job } = await asked.ask({ claim: queue });
    if (!job) return null;
    asked.holds = job;
    return { ...(await view(job)), lease_token: worker_id };
  },
  async complete(id, { status, lease_token }) {
    const held = workers.get(lease_token);
    if (held?.holds === id) {
      held.holds = null;
      const { told } = await held.ask({ finish: status });
      if (told.includes("fatalError")) throw new Refused("fatal_error", `its events: ${told}`);
      return { ...(await view(id)), note: `its events: ${told}` };
    }
    // The worker's task has returned before, and cannot again. What it would do once more is a delete by id.
    if (status !== "SUCCEEDED") {
      const failed = await utils.permanentlyFailJobs([id]);
      if (failed.length === 0) throw new Refused("no_such_job", "permanentlyFailJobs() finds nothing");
      return view(id);
    }
    await utils.completeJobs([id]);
    return { ...(await view(id)), note: "a delete by id says nothing the second time either" };
  },
  get: view,
  controls: {
    async expire({ run_id }) {
      const past = `now() - interval '${LOCK_SECONDS + 1} seconds'`;
      await pool.query(`update graphile_worker._private_jobs set locked_at = ${past} where id = $1`, [run_id]);
    },
    async kill({ worker_id }) {
      const { child } = worker(worker_id);
      await new Promise((resolve) => child.once("exit", resolve).kill("SIGKILL"));
    },
    lose_claim: ({ worker_id }) => worker(worker_id).ask({ lose: true }),
  },
});
