"""A receiver of webhooks, written after https://www.standardwebhooks.com and docs/api.md alone, with Python's own library.

    python3 receiver.py <secret> [<secret>]

Prints the port that it listens on, and then a line of JSON for each request: whether its signature is right, and what it brought. What it answers says
the path: /503 is answered 503, /gone 410, /to?… redirects, anything else 200 if the signature is right and 401 if it is not.
"""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time
import urllib.parse

TOLERANCE = 5 * 60
lock = threading.Lock()


def signatures(message):
    for secret in sys.argv[1:]:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        yield "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


class Server(http.server.ThreadingHTTPServer):
    # So many may call at the same moment.
    request_queue_size = 128


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        event_id, timestamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        message = f"{event_id}.{timestamp}.".encode() + body
        given = self.headers["webhook-signature"].split()
        valid = abs(time.time() - int(timestamp)) < TOLERANCE and any(
            hmac.compare_digest(mine, theirs) for mine in signatures(message) for theirs in given
        )
        path, _, query = self.path.partition("?")
        status = 200 if valid else 401
        if path == "/gone":
            status = 410
        elif path == "/to":
            status = 307
        elif path[1:].isdigit():
            status = int(path[1:])
        seen = {
            "path": path,
            "valid": valid,
            "signatures": len(given),
            "webhook_id": event_id,
            "content_type": self.headers["content-type"],
            "user_agent": self.headers["user-agent"],
            "event": json.loads(body),
        }
        with lock:
            print(json.dumps(seen), flush=True)
        self.send_response(status)
        if status == 307:
            self.send_header("location", urllib.parse.unquote(query))
        if status in (429, 503):
            self.send_header("retry-after", "120")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = Server(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
