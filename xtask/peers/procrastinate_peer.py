"""procrastinate: one process with as many jobs at once as there are workers. Told and measured as common.mjs says:

    python procrastinate_peer.py '{"action":"seed","url":"postgres://…","runs":1000}'
"""
import asyncio, json, logging, sys, time

import procrastinate

spec = json.loads(sys.argv[1])
workers = spec.get("workers") or 24
# Let what is lazy be over before the clock starts.
WARM_UP = 0.3
# Its own default waits for a notification, or five seconds: here there is always a job.
settings = {"default": {}, "delete": {"delete_jobs": "successful"}}

logging.disable(logging.CRITICAL)
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=spec["url"], min_size=1, max_size=workers + 2))
done = 0


@app.task(name="noop")
async def noop(id):
    global done
    done += 1


async def seed():
    if not await app.check_connection_async():
        await app.schema_manager.apply_schema_async()
    for start in range(0, spec["runs"], 1000):
        await noop.batch_defer_async(*[{"id": i} for i in range(start, min(start + 1000, spec["runs"]))])


async def work():
    options = settings[spec["setting"]]
    running = asyncio.create_task(
        app.run_worker_async(concurrency=workers, listen_notify=False, install_signal_handlers=False, **options)
    )
    while done == 0:
        await asyncio.sleep(0.001)
    await asyncio.sleep(WARM_UP)
    before, start = done, time.perf_counter()
    while time.perf_counter() - start < spec["seconds"] and done < spec["runs"]:
        await asyncio.sleep(0.005)
    measured = {"done": done - before, "seconds": time.perf_counter() - start}
    # It ends when the jobs under way have, and their rows say so.
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    print(json.dumps({**measured, "total": done}))


async def main():
    async with app.open_async():
        await {"seed": seed, "run": work}[spec["action"]]()


asyncio.run(main())
