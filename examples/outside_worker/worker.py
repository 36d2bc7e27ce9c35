"""A worker for runs of the kind report_v1, over HTTP. Needs Python 3.10 or later and nothing else."""
import json, os, threading, time, urllib.request
URL, ME = os.environ.get("RUNPLANE_URL", "http://127.0.0.1:8000"), f"python-{os.getpid()}"
LEASE, TENANT = int(os.environ.get("LEASE_SECONDS", "30")), os.environ.get("TENANT_ID")
KEY = os.environ.get("RUNPLANE_API_KEY")

def post(path, **body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if KEY:  # Not for whoever an answer may lead to.
        request.add_unredirected_header("Authorization", f"Bearer {KEY}")
    return json.load(urllib.request.urlopen(request, timeout=30))

def tell(path, lost, **body):  # 409: cancelled, or somebody else's by now. Whatever else went wrong: the next call may do better.
    try:
        return post(path, **body)
    except OSError as error:
        return lost.set() if getattr(error, "code", None) == 409 else print(f"{ME}: {error}", flush=True)

def keep(path, fence, lost, done):
    while not done.wait(LEASE / 3):
        tell(f"{path}/heartbeat", lost, **fence)

def work(run, spec, lost):  # This is the part that is yours.
    for section in spec["sections"]:
        if lost.wait(spec["seconds_per_section"]):
            return None
        post(f"/api/runs/{run['id']}/logs", message=f"section {section} is written", source=ME)
    return {"report": f"{spec['title']} {run['parameters']['week']}", "sections": len(spec["sections"])}

while True:
    claim = post("/api/runs/claim", worker_id=ME, queues=["reports"], lease_seconds=LEASE, tenant_id=TENANT)
    if not claim["claimed"]:
        if "ONCE" in os.environ:
            break
        time.sleep(2)
        continue
    run, lost, done = claim["run"], threading.Event(), threading.Event()
    path, fence = f"/api/runs/{run['id']}", {"lease_token": run["lease_token"]}
    threading.Thread(target=keep, args=(path, fence, lost, done), daemon=True).start()
    try:
        end = {"status": "SUCCEEDED", "output": work(run, claim["pipeline_version"]["dag_spec"], lost)}
    except Exception as error:
        end = {"status": "FAILED", "error_code": "report_failed", "error_message": repr(error)}
    for _ in range(5):  # The same end may be told again.
        if lost.is_set() or tell(f"{path}/complete", lost, **end, **fence):
            break
        time.sleep(2)
    done.set()
    print(f"{ME}: " + ("stopped, the run is not ours any more" if lost.is_set() else end["status"]), flush=True)
