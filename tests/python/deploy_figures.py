"""Measures `prefect deploy` and `pushpool deploy` on one Prefect server, whole processes against each other.

    deploy_figures.py [--deployments 100] [--pushpool PATH] [--prefect PATH] [--rounds 3]

PREFECT is the program that pip installs (3.9.1; its `prefect` runs the server too), PUSHPOOL a release build. The server
is started here on SQLite, in a scratch directory, with its background services off; nothing else uses it. Requests are
counted by a proxy that hands them through. Three things are measured, each with both tools on deployments of their own:

    new       all deployments, none of which exists
    repeated  the same again, with nothing changed
    single    one deployment that exists, with nothing changed

Wall time and CPU time (user and system, of the tool alone) are the median of the rounds, memory is the largest resident
set of the process. Standard library only.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).parent
SERVICES = "SCHEDULER LATE_RUNS CANCELLATION_CLEANUP PAUSE_EXPIRATIONS FOREMAN REPOSSESSOR TRIGGERS EVENT_PERSISTER"
POOL = "figures"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deployments", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of what is repeated; new deployments are made once")
    parser.add_argument("--pushpool", default=shutil.which("pushpool"))
    parser.add_argument("--prefect", default=shutil.which("prefect"))
    arguments = parser.parse_args()
    if not (arguments.pushpool and arguments.prefect):
        sys.exit("deploy_figures.py: give --pushpool and --prefect")
    arguments.pushpool, arguments.prefect = map(os.path.abspath, (arguments.pushpool, arguments.prefect))
    # A folder of its own for each tool: neither finds what the other has left.
    with tempfile.TemporaryDirectory(prefix="figures-") as scratch, Server(arguments.prefect, scratch) as server:
        request(server.url + "/work_pools/", {"name": POOL, "type": "ecs:push"})
        proxy = Proxy(server.url)
        tools = {"prefect": [arguments.prefect, "--no-prompt"], "pushpool": [arguments.pushpool, "--no-prompt"]}
        measured = {name: measure(name, tool, arguments, scratch, proxy) for name, tool in tools.items()}
    report(measured, arguments)


def measure(name, tool, arguments, scratch, proxy):
    """What each of the three takes: {case: Figures}."""
    project = pathlib.Path(scratch, name)
    write_project(project, name, arguments.deployments)
    run = lambda *rest: Figures.of([*tool, "deploy", *rest], project, scratch, proxy)
    return {
        "new": run("--all"),
        "repeated": median([run("--all") for _ in range(arguments.rounds)]),
        "single": median([run("-n", "d000") for _ in range(arguments.rounds)]),
    }


def write_project(project, name, count):
    project.mkdir()
    flows = "".join(FLOW.format(name=name, number=number) for number in range(10))
    (project / "flows.py").write_text("from prefect import flow\n" + flows)
    entries = [ENTRY.format(name=name, number=number, flow=number % 10, minute=number % 60) for number in range(count)]
    (project / "prefect.yaml").write_text("pull: []\ndeployments:\n" + "".join(entries))


FLOW = '''

@flow(name="{name}-flow-{number}")
def flow_{number}(day: str = "today", rows: int = 10):
    """The flow {number}."""
'''

ENTRY = """\
- name: d{number:03}
  version: "1"
  tags: [figures]
  entrypoint: flows.py:flow_{flow}
  parameters: {{rows: {number}}}
  schedules: [{{cron: "{minute} 6 * * *", slug: morning}}]
  work_pool: {{name: figures, job_variables: {{image: "repo/image:1", env: {{NUMBER: "{number}"}}}}}}
"""


class Figures:
    """Wall time, CPU time and memory of a process, and its requests."""

    def __init__(self, wall, cpu, memory, requests):
        self.wall, self.cpu, self.memory, self.requests = wall, cpu, memory, requests

    @classmethod
    def of(cls, command, project, scratch, proxy):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": scratch,
            "PREFECT_HOME": os.path.join(scratch, "client"),
            "PREFECT_API_URL": proxy.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "LANG": "C.UTF-8",
        }
        proxy.take()
        with open(os.path.join(scratch, "output"), "wb") as output:
            started = time.monotonic()
            process = subprocess.Popen(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - started
        if status != 0:
            sys.exit(f"{' '.join(command)} failed:\n" + pathlib.Path(scratch, "output").read_text())
        return cls(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, proxy.take())

    def writes(self):
        reads = lambda method, path: method == "GET" or path.endswith(("/filter", "(busy)"))
        return sum(count for (method, path), count in self.requests.items() if not reads(method, path))


def median(figures):
    pick = lambda of: statistics.median(of(it) for it in figures)
    return Figures(pick(lambda it: it.wall), pick(lambda it: it.cpu), max(it.memory for it in figures), figures[-1].requests)


def report(measured, arguments):
    print(f"{arguments.deployments} deployments; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| | tool | wall s | CPU s | peak MB | requests | writes |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in ("new", "repeated", "single"):
        for tool, figures in measured.items():
            it = figures[case]
            numbers = f"{it.wall:.2f} | {it.cpu:.2f} | {it.memory:.0f} | {sum(it.requests.values())} | {it.writes()}"
            print(f"| {case} | {tool} | {numbers} |")
    print("\n| | times faster | times less CPU | requests per deployment |")
    print("| --- | --- | --- | --- |")
    for case in ("new", "repeated", "single"):
        theirs, ours = measured["prefect"][case], measured["pushpool"][case]
        count = 1 if case == "single" else arguments.deployments
        each = " against ".join(f"{sum(it.requests.values()) / count:.2f}" for it in (ours, theirs))
        print(f"| {case} | {theirs.wall / ours.wall:.1f} | {theirs.cpu / ours.cpu:.1f} | {each} |")
    ratios(measured, arguments.deployments)
    print("\nRequests of pushpool for new deployments; (busy) was answered with 503, and tried again:")
    for (method, path), count in measured["pushpool"]["new"].requests.most_common():
        print(f"{count:6} {method} {path}")


def ratios(measured, deployments):
    """What is wanted of 100 deployments and a release build, and what came out."""
    theirs, ours = measured["prefect"], measured["pushpool"]
    faster = lambda case: theirs[case].wall / ours[case].wall
    less_cpu = min(theirs[case].cpu / ours[case].cpu for case in ours)
    bulk = lambda method, path: method == "GET" or path.endswith("/filter")
    each = sum(count for key, count in ours["new"].requests.items() if not bulk(*key)) / deployments
    print("\n| wanted | measured | |\n| --- | --- | --- |")
    for wanted, measured, met in (
        ("new: at least 6 times faster", f"{faster('new'):.1f}", faster("new") >= 6),
        ("new: at most 2 requests for each deployment, besides bulk reads", f"{each:.1f}", each <= 2),
        ("repeated: at least 50 times faster", f"{faster('repeated'):.1f}", faster("repeated") >= 50),
        ("repeated: no write", ours["repeated"].writes(), ours["repeated"].writes() == 0),
        ("single: at least 20 times faster", f"{faster('single'):.1f}", faster("single") >= 20),
        ("at least 50 times less CPU", f"{less_cpu:.1f}", less_cpu >= 50),
        ("peak memory under 40 MB", f"{max(it.memory for it in ours.values()):.1f} MB", all(it.memory < 40 for it in ours.values())),
    ):
        print(f"| {wanted} | {measured} | {'met' if met else 'MISSED'} |")


class Server:
    """A Prefect server on SQLite."""

    def __init__(self, prefect, scratch):
        self.prefect, self.home = prefect, os.path.join(scratch, "server")

    def __enter__(self):
        os.mkdir(self.home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        off = {f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in SERVICES.split()}
        environment = {**os.environ, **off, "PREFECT_HOME": self.home, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        python = pathlib.Path(self.prefect).parent / "python"
        command = [python, HERE / "prefect_server.py", self.prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        for _ in range(600):
            try:
                if request(self.url + "/health"):
                    return self
            except OSError:
                time.sleep(0.2)
        self.process.kill()
        sys.exit("the Prefect server does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def request(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"content-type": "application/json"})) as answer:
        return json.load(answer)


class Proxy:
    """Hands requests through to a server and counts them."""

    def __init__(self, server):
        self.counts = collections.Counter()
        upstream = urllib.parse.urlparse(server)
        counts = self.counts
        local = threading.local()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else the second packet of an answer waits for the client.
            disable_nagle_algorithm = True

            def hand_through(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                path = urllib.parse.urlparse(self.path).path.removeprefix("/api")
                path = re.sub("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "{id}", path)
                path = re.sub("(/name/).*", r"\1{name}", path)
                skipped = ("connection", "host", "accept-encoding")
                headers = {key: value for key, value in self.headers.items() if key.lower() not in skipped}
                # A thread serves one connection: the server sees as many as there are.
                for attempt in (1, 2):
                    if not hasattr(local, "connection"):
                        local.connection = http.client.HTTPConnection(upstream.hostname, upstream.port)
                    try:
                        local.connection.request(self.command, self.path, body, headers)
                        answer = local.connection.getresponse()
                        break
                    except (ConnectionError, http.client.RemoteDisconnected):
                        # The server has closed it meanwhile, as it does after some idle seconds.
                        del local.connection
                        if attempt == 2:
                            raise
                content = answer.read()
                # SQLite takes one writer at a time; who is told so tries again.
                counts[self.command, path + (" (busy)" if answer.status == 503 else "")] += 1
                self.send_response(answer.status)
                for key, value in answer.getheaders():
                    if key.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(key, value)
                if answer.status != 204:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = hand_through

            def log_message(self, *_):
                pass

        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{proxy.server_port}/api"

    def take(self):
        """The requests since it was last asked."""
        taken = collections.Counter(self.counts)
        self.counts.clear()
        return taken


if __name__ == "__main__":
    main()
