// The dialect of `cargo xtask conformance`, served by an adapter: node adapter-<peer>.mjs '{"url":"postgres://…","port":1}'
import { readFileSync } from "node:fs";
import http from "node:http";

export const spec = JSON.parse(process.argv[2]);

// Which version of a package is installed here.
export function version(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

// An answer that is no success: `code` is a word, `note` what the peer said.
export class Refused extends Error {
  constructor(code, note, status = 409) {
    super(code);
    this.answer = { status, code, note };
  }
}

const json = async (request) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
};

// `system` has a function for each call. `create(body, key)` returns [whether the run is new, run]; `claim(body)` a run with its
// `lease_token`, or null; the others get the run's id first, and return the run. `controls` are the `POST /conformance/…`.
export function serve(system) {
  const answer = async (method, path, body, key) => {
    const [, run, verb = ""] = path.match(/^\/api\/runs\/([^/]+)(?:\/(\w+))?$/) ?? [];
    const control = path.match(/^\/conformance\/(\w+)$/)?.[1];
    if (method === "GET" && path === "/conformance") {
      return [200, { ...system.describe, controls: Object.keys(system.controls ?? {}) }];
    }
    if (method === "GET" && run && !verb) return [200, { run: await system.get(run) }];
    if (method !== "POST") return [404, {}];
    if (control && system.controls?.[control]) return [200, { ok: true, ...(await system.controls[control](body)) }];
    if (path === "/api/runs") {
      const [created, made] = await system.create(body, key);
      return [created ? 201 : 200, made];
    }
    if (path === "/api/runs/claim") {
      const claimed = await system.claim(body);
      return [200, claimed ? { claimed: true, run: claimed } : { claimed: false }];
    }
    if (["heartbeat", "complete", "cancel"].includes(verb) && system[verb]) {
      const { note, ...found } = await system[verb](run, body);
      return [200, { ok: true, note, run: found }];
    }
    return [404, {}];
  };
  const server = http.createServer(async (request, response) => {
    let status, body;
    try {
      const key = request.headers["idempotency-key"];
      [status, body] = await answer(request.method, request.url, await json(request), key);
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      body = error.answer ?? { status: 500, code: "adapter", note: error.message };
      status = body.status;
    }
    const bytes = JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(bytes) }).end(bytes);
  });
  server.listen(spec.port, "127.0.0.1");
  process.on("SIGTERM", () => process.exit(0));
}
