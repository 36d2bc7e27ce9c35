#!/usr/bin/env bash
# A worker for runs of the kind report_v1, over HTTP. Needs bash, curl and jq.
url=${RUNPLANE_URL:-http://127.0.0.1:8000} me=bash-$$ lease=${LEASE_SECONDS:-30}
report=$(mktemp) && trap 'rm -f "$report"' EXIT

# What every request says; of a key nobody learns by listing processes.
headers() {
  echo 'Content-Type: application/json'
  [ -z "${RUNPLANE_API_KEY:-}" ] || printf 'Authorization: Bearer %s\n' "$RUNPLANE_API_KEY"
}

# POST $1 with the body $2: prints the answer. Returns 0 on a 2xx, 9 on a 409, else 1.
post() {
  local answer
  answer=$(curl -sS --max-time 30 -w '\n%{http_code}' -H @<(headers) -d "$2" "$url$1") || return 1
  echo "${answer%$'\n'*}"
  case ${answer##*$'\n'} in 2??) ;; 409) return 9 ;; *) return 1 ;; esac
}

# Sleeps for $1 seconds; a SIGTERM ends it at once, and leaves nothing behind.
pause() {
  trap 'kill $sleeper; exit 143' TERM
  sleep "$1" & sleeper=$!
  wait $sleeper
}

# Writes the report of the claim $1, section by section. This is the part that is yours.
work() {
  local section spec=.pipeline_version.dag_spec
  while read -r section; do
    pause "$(jq $spec.seconds_per_section <<<"$1")"
    post "/api/runs/$id/logs" "$(jq -nc --arg s "$section" --arg me "$me" \
      '{message: "section \($s) is written", source: $me}')" >/dev/null
  done < <(jq -r "$spec.sections[]" <<<"$1")
  jq -c '.run.parameters.week as $week | .pipeline_version.dag_spec
    | {report: "\(.title) \($week)", sections: ([.sections[]] | length)}' <<<"$1"
}

# Heartbeats, and ends the process $1 on a 409: cancelled, or somebody else's by now. Either way: stop.
keep() {
  while pause "$((lease / 3))"; do
    post "/api/runs/$id/heartbeat" "$token" || if [ $? = 9 ]; then kill "$1"; return; fi
  done
}

ask=$(jq -nc --arg me "$me" --arg lease "$lease" '{worker_id: $me, queues: ["reports"], lease_seconds: ($lease | tonumber)}
  + if env.TENANT_ID then {tenant_id: env.TENANT_ID} else {} end')
while true; do
  claim=$(post /api/runs/claim "$ask") || { echo "$me: no claim $claim" >&2; sleep 2; continue; }
  if [ "$(jq .claimed <<<"$claim")" = false ]; then
    [ -n "${ONCE:-}" ] && break
    sleep 2
    continue
  fi
  id=$(jq -r .run.id <<<"$claim") token=$(jq -c '{lease_token: .run.lease_token}' <<<"$claim")
  echo "$me: claimed $id"
  work "$claim" >"$report" & worker=$!
  keep $worker >/dev/null 2>&1 & keeper=$!
  wait $worker; ended=$?
  kill $keeper 2>/dev/null
  case $ended in
    0) end=$(jq -c --argjson token "$token" '{status: "SUCCEEDED", output: .} + $token' "$report") ;;
    143) echo "$me: stopped, the run is not ours any more"; continue ;;
    *) end=$(jq -nc --argjson token "$token" '{status: "FAILED", error_code: "report_failed"} + $token') ;;
  esac
  # No answer says nothing: the same outcome with the same token may be told again.
  for _ in 1 2 3 4 5; do
    post "/api/runs/$id/complete" "$end" >/dev/null && { echo "$me: $(jq -r .status <<<"$end")"; break; }
    [ $? = 9 ] && { echo "$me: stopped, the run is not ours any more"; break; }
    sleep 2
  done
done
