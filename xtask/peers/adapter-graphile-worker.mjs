// One worker of graphile-worker, in a process of its own: takes a job when it is told to, and holds it until it is told how it ended.
import net from "node:net";
import pg from "pg";
import { Logger, run } from "graphile-worker";

const { url } = JSON.parse(process.argv[2]);
// How long a claim may take: finding a job, and before that looking for locks that are over.
const CLAIM_MS = 1000;
const IDLE_MS = 5000;

// Its way to Postgres can be cut when the answer to its next get_job arrives: the job is locked then, and it does not know.
let lose = false;
const line = net.createServer((near) => {
  const target = new URL(url);
  const far = net.connect(Number(target.port), target.hostname);
  let last = false;
  near.on("data", (bytes) => {
    if (lose && bytes.includes("get_job")) [lose, last] = [false, true];
    far.write(bytes);
  });
  far.on("data", (bytes) => (last ? near.resetAndDestroy() : near.write(bytes)));
  near.on("close", () => far.destroy()).on("error", () => {});
  far.on("close", () => near.destroy()).on("error", () => {});
});
await new Promise((resolve) => line.listen(0, "127.0.0.1", resolve));
const through = new URL(url);
through.port = line.address().port;

const pool = new pg.Pool({ connectionString: through.href, max: 3 });
pool.on("error", () => {});
pool.on("connect", (client) => client.on("error", () => {}));

let runner = null;
let held = null;

// Runs the library's own worker until it has one job; `null` when there is none.
async function claim(queue) {
  let found;
  const started = new Promise((resolve) => (found = resolve));
  const task = (_payload, helpers) =>
    new Promise((resolve, reject) => {
      held = { resolve, reject };
      found(helpers.job.id);
    });
  runner = await run({
    // It looks for locks that are over when it starts, and on; by default every 8 to 10 minutes.
    preset: { worker: { concurrentJobs: 1, pollInterval: 100, minResetLockedInterval: 100, maxResetLockedInterval: 300 } },
    pgPool: pool,
    logger: new Logger(() => () => {}),
    noHandleSignals: true,
    taskList: { [queue]: task },
  });
  const late = new Promise((resolve) => setTimeout(resolve, CLAIM_MS, null));
  const job = await Promise.race([started, late]);
  // It may find one while it stops.
  return job ?? (await Promise.race([started, runner.stop().then(() => null)]));
}

// Stopping before the task returns keeps it from taking another job; it waits for the one it has. Returns what the library told of it.
async function finish(status) {
  const told = [];
  for (const event of ["job:success", "job:error", "worker:fatalError", "pool:fatalError"]) {
    runner.events.on(event, () => told.push(event));
  }
  const stopped = runner.stop();
  if (status === "SUCCEEDED") held.resolve();
  else held.reject(new Error("failed"));
  held = null;
  await stopped;
  // It does not wait for its last statement: the job is done when nothing is under way to Postgres any more.
  while (pool.waitingCount > 0 || pool.idleCount < pool.totalCount) await new Promise((resolve) => setTimeout(resolve, 5));
  return told.join(", ");
}

let idle = setTimeout(() => {}, 0);
function rest() {
  clearTimeout(idle);
  if (!held) idle = setTimeout(() => process.exit(0), IDLE_MS);
}

process.on("disconnect", () => process.exit(0));
process.on("message", async (order) => {
  clearTimeout(idle);
  try {
    const answer = {};
    if (order.lose) lose = true;
    if (order.claim) answer.job = await claim(order.claim);
    if (order.finish) answer.told = await finish(order.finish);
    process.send({ id: order.id, ...answer });
  } catch (error) {
    process.send({ id: order.id, error: error.message });
  }
  rest();
});
rest();
