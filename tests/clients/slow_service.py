"""A Roles Anywhere for measuring: its first session ends soon, and every further
request for one hangs.

Usage: slow_service.py PORT_FILE SECONDS
"""

import json
import os
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port_file, seconds = sys.argv[1], int(sys.argv[2])
lock = threading.Lock()
calls = 0


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        global calls
        self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            calls += 1
            first = calls == 1
        if not first:
            with open(port_file + ".asked", "w"):
                pass
            time.sleep(3600)
        ends = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        credentials = {
            "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
            "secretAccessKey": "s" * 40,
            "sessionToken": "t" * 800,
            "expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        body = json.dumps({"credentialSet": [{"credentials": credentials}]}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
server.daemon_threads = True
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
