"""Measures how long a fresh Prefect server on SQLite stands still while `pushpool dev --prefect` serves a work pool.

    stillness.py PREFECT PUSHPOOL SECONDS [ARGUMENT OF dev...]

PREFECT and PUSHPOOL are the programs. The server runs as `prefect server start` starts it, with Python's garbage collector. A
run is created every 5 s; every second the server is asked for its health and for something in its database. An answer that takes
more than 10 s is printed. It ends with 1 if there was one.

A stand-still comes by chance (docs/guarantees.md, "Assumptions"): a run without one proves little. Ten of 100 s are a start.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

LATE = 10.0


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def insist(url, body):
    """SQLite answers 503 to one of two transactions that write at the same time."""
    while True:
        try:
            return ask(url, body)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.2)


def probe(url, body, started, ends, late):
    while time.monotonic() < ends:
        asked = time.monotonic()
        try:
            ask(url, body)
        except urllib.error.HTTPError:
            pass
        took = time.monotonic() - asked
        if took > LATE:
            late.append(took)
            print(f"{asked - started:6.1f} s: {url} answered after {took:.1f} s", flush=True)
        time.sleep(1)


def main():
    prefect, pushpool, seconds, *arguments = sys.argv[1:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        programs = os.path.dirname(os.path.abspath(prefect))
        environment |= {
            "PREFECT_HOME": home,
            "PREFECT_API_URL": api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PATH": f"{programs}:{environment['PATH']}",
        }
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([prefect, "server", "start", "--port", str(port)], **quiet)
        dev = None
        try:
            while True:
                try:
                    ask(f"{api}/health")
                    break
                except OSError:
                    time.sleep(0.5)
            started, late = time.monotonic(), []
            ends = started + float(seconds)
            probes = [
                threading.Thread(target=probe, args=(f"{api}{path}", body, started, ends, late))
                for path, body in [("/health", None), ("/flow_runs/count", {})]
            ]
            for thread in probes:
                thread.start()
            create = [pushpool, "pool", "create", "demo", "--set", "cluster=demo", "--set", "subnets=subnet-12345678"]
            subprocess.run(create, check=True, **quiet)
            dev = subprocess.Popen([pushpool, "dev", "--prefect", *arguments], **quiet)
            flow = insist(f"{api}/flows/", {"name": "f"})["id"]
            deployment = {"name": "d", "flow_id": flow, "work_pool_name": "demo", "job_variables": {"command": "true"}}
            deployment = insist(f"{api}/deployments/", deployment)["id"]
            runs = 0
            while time.monotonic() < ends:
                insist(f"{api}/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
                runs += 1
                time.sleep(5)
            for thread in probes:
                thread.join()
        finally:
            for process in [dev, server]:
                if process is not None:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(30)
                    except subprocess.TimeoutExpired:
                        process.kill()
    print(f"{runs} runs in {seconds} s, {len(late)} answers later than {LATE:.0f} s")
    sys.exit(1 if late else 0)


main()
