# SPDX-License-Identifier: Apache-2.0
"""Stands in for a code host's API, so that the example needs nothing outside this machine.

python api_stub.py [PORT]
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PULLS = json.loads((Path(__file__).parent / "pulls.json").read_text())


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path != "/repos/lantern/lantern/pulls":
            return self.answer(404, {"message": "Not Found"})
        state = parse_qs(url.query).get("state", ["open"])[0]
        return self.answer(200, [pull for pull in PULLS if state in ("all", pull["state"])])

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5003
    print(f"pull request API on http://127.0.0.1:{port}/repos/lantern/lantern/pulls")
    try:
        ThreadingHTTPServer(("127.0.0.1", port), Api).serve_forever()
    except KeyboardInterrupt:
        print("stopped")
