// pg-boss for the conformance script. The script's worker is elsewhere, so that what is used is fetch(), touch() and complete(),
// which pg-boss has for workers that do not run in its work(). Each with the job that fetch() gave out, not with its id alone: then
// pg-boss limits the call to that attempt ("JobAttempt" in dist/types.d.ts). That is the strongest it has, and not its default.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { PgBoss } from "pg-boss";
import { Refused, serve, spec, version } from "./dialect.mjs";

// The shortest that a queue may have (dist/attorney.js). Without it only `expireInSeconds` notices a dead worker, and that is
// also how long a run may take.
const HEARTBEAT_SECONDS = 10;
// Lost attempts count as retries: enough of them, so that none of the cases runs out.
const RETRY_LIMIT = 20;

const boss = new PgBoss({
  connectionString: spec.url,
  schedule: false,
  // Looks for silent workers as often as it can; by default every 60 s.
  superviseIntervalSeconds: 1,
  monitorIntervalSeconds: 1,
});
boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));

// The queue of each run: pg-boss wants it with every call.
const queues = new Map();
const made = new Map();

// A queue with a limit of 1 has the policy for it, and the key of the limit is the singletonKey.
async function ready(queue, singleton) {
  if (!made.has(queue)) {
    const options = { heartbeatSeconds: HEARTBEAT_SECONDS, retryLimit: RETRY_LIMIT, policy: singleton ? "singleton" : "standard" };
    made.set(queue, boss.createQueue(queue, options));
  }
  await made.get(queue);
}

// A job's id may be the caller's own: the same key makes the same id, for as long as pg-boss keeps the job (7 days after its end
// by default). A singletonKey would be forgotten when the job ends.
function idOf(key) {
  const hex = createHash("sha256").update(key).digest("hex");
  return [8, 4, 4, 4, 12].map((length, at, all) => hex.substr(all.slice(0, at).reduce((a, b) => a + b, 0), length)).join("-");
}

const STATUS = { created: "QUEUED", retry: "QUEUED", active: "RUNNING", completed: "SUCCEEDED", failed: "FAILED", cancelled: "CANCELLED" };

async function find(id) {
  const [job] = queues.has(id) ? await boss.findJobs(queues.get(id), { id }) : [];
  if (!job) throw new Refused("no_such_job", "findJobs() finds nothing", 404);
  return job;
}

const view = (job) => ({
  id: job.id,
  status: STATUS[job.state],
  attempt: job.retryCount + 1,
  claimed_at: job.startedOn,
  heartbeat_at: job.heartbeatOn,
  finished_at: job.completedOn,
  output: job.output,
});

// What has not affected a job is told as such. complete() says no more than that: whether it was this attempt that has completed it,
// a client can find out with findJobs(), and gets the credit for it.
async function settle(id, body, call, outcome) {
  const { affected } = await call();
  const job = await find(id);
  if (affected === 1) return view(job);
  const own = outcome === job.state && job.retryCount === body.lease_token && isDeepStrictEqual(job.output, body.output);
  if (!own) throw new Refused("not_affected", `pg-boss: affected 0; the job is ${job.state}`);
  return { ...view(job), note: "pg-boss: affected 0; findJobs() shows its own completion" };
}

const attempt = (id, body) => ({ id, retryCount: body.lease_token });

await boss.start();
serve({
  describe: {
    name: `pg-boss ${version("pg-boss")}`,
    lease_seconds: HEARTBEAT_SECONDS,
    by_default:
      "900 s after its claim (`expireInSeconds`, dist/plans.js), looked for every 60 s (`superviseIntervalSeconds`, dist/attorney.js); " +
      "heartbeats are off, and are 10 s or more (`heartbeatSeconds`)",
    not_offered: {
      "two tenants": "it knows no callers: whoever reaches its schema may do everything in it",
    },
  },
  async create({ queue, concurrency_key }, key) {
    await ready(queue, concurrency_key);
    const wanted = key && idOf(key);
    const sent = await boss.send(queue, {}, { id: wanted, singletonKey: concurrency_key });
    const id = sent ?? wanted;
    queues.set(id, queue);
    return [sent !== null, view(await find(id))];
  },
  // There is no name for a claim, by which it could be repeated.
  async claim({ queues: [queue] }) {
    const [job] = await boss.fetch(queue, { includeMetadata: true });
    return job ? { ...view(job), lease_token: job.retryCount } : null;
  },
  heartbeat: (id, body) => settle(id, body, () => boss.touch(queues.get(id), attempt(id, body))),
  complete: (id, body) =>
    body.status === "SUCCEEDED"
      ? settle(id, body, () => boss.complete(queues.get(id), attempt(id, body), body.output), "completed")
      : settle(id, body, () => boss.fail(queues.get(id), attempt(id, body), { message: body.error_message }), "failed"),
  cancel: (id, body) => settle(id, body, () => boss.cancel(queues.get(id), id), "cancelled"),
  get: async (id) => view(await find(id)),
});
