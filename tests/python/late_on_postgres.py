"""Measures how late a state that a client has given up on can become a run's state, with a Prefect server on PostgreSQL.

    late_on_postgres.py PREFECT [INITDB]

PREFECT is the program; PostgreSQL's `initdb` is looked for on the PATH unless named, `pg_ctl` and `psql` beside it or on the PATH.
Both servers are made for this and removed. PostgreSQL refuses to run as root: as root, this uses the account `postgres`.

All 15 connections of the server wait for locked rows until their statements are cancelled after 10 s, twice. Behind them a PENDING
is proposed, whose client gives up after 10 s. It then waits for the row of its run and for that of its deployment's concurrency
limit, 9 s each. It is accepted some 39 s after it was sent. The settings allow 30 s for a connection and 10 s for each of the two
rows: 50 s. Takes a minute and a half.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

GIVES_UP = 10
CONNECTIONS = 15
BOUND = 50


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Postgres:
    def __init__(self, home, initdb):
        self.data, self.port = f"{home}/data", free_port()
        beside = os.path.join(os.path.dirname(os.path.abspath(initdb)), "pg_ctl")
        self.pg_ctl = beside if os.path.exists(beside) else "pg_ctl"
        self.home = home
        self.command(initdb, "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
        self.command(self.pg_ctl, "-D", self.data, "-w", "-l", f"{home}/postgres.log", "-o", options, "start")

    def command(self, *arguments):
        account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(arguments, check=True, cwd=self.home, stdout=subprocess.DEVNULL, **account)

    def psql(self, sql):
        return ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-Atc", sql]

    def read(self, sql):
        return subprocess.run(self.psql(sql), check=True, capture_output=True, text=True).stdout.strip()

    def lock(self, table, ids, seconds):
        """Locks rows for so long."""
        rows = ", ".join(f"'{id}'" for id in ids)
        sql = f"BEGIN; SELECT id FROM {table} WHERE id IN ({rows}) FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT"
        return subprocess.Popen(self.psql(sql), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.command(self.pg_ctl, "-D", self.data, "-m", "immediate", "stop")


def main():
    prefect = sys.argv[1]
    initdb = sys.argv[2] if len(sys.argv) > 2 else shutil.which("initdb")
    if initdb is None:
        sys.exit("there is no initdb on the PATH: name it, for instance /usr/lib/postgresql/15/bin/initdb")
    home = tempfile.mkdtemp(prefix="late-")
    os.chmod(home, 0o777)
    postgres, server, locks = None, None, []
    try:
        postgres = Postgres(home, initdb)
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
            "PREFECT_HOME": home,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://postgres@127.0.0.1:{postgres.port}/postgres",
        }
        command = [prefect, "server", "start", "--no-services", "--port", str(port)]
        log = open(f"{home}/server.log", "w")
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

        def ask(path, body=None, timeout=120):
            data = None if body is None else json.dumps(body).encode()
            headers = {"content-type": "application/json"}
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api{path}", data=data, headers=headers)
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.loads(answer.read())

        while True:
            try:
                ask("/health")
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit(open(f"{home}/server.log").read())
                time.sleep(0.5)
        flow = ask("/flows/", {"name": "f"})["id"]
        deployment = ask("/deployments/", {"name": "d", "flow_id": flow, "concurrency_limit": 1})
        create = f"/deployments/{deployment['id']}/create_flow_run"
        runs = [ask(create, {"state": {"type": "SCHEDULED"}})["id"] for _ in range(CONNECTIONS + 1)]
        late, others = runs[0], runs[1:]

        locks.append(postgres.lock("flow_run", others, 120))
        locks.append(postgres.lock("flow_run", [late], 33))
        locks.append(postgres.lock("concurrency_limit_v2", [deployment["global_concurrency_limit"]["id"]], 42))
        time.sleep(1)

        def propose(run, timeout):
            try:
                ask(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}}, timeout)
            except OSError as error:
                if run == late:
                    print(f"the client gave up after {time.monotonic() - sent:.1f} s: {error}", flush=True)

        for run in others * 2:
            threading.Thread(target=propose, args=(run, 120), daemon=True).start()
        time.sleep(2.5)
        sent = time.monotonic()
        threading.Thread(target=propose, args=(late, GIVES_UP), daemon=True).start()
        while postgres.read(f"SELECT state_type FROM flow_run WHERE id = '{late}'") == "SCHEDULED":
            if time.monotonic() - sent > 2 * BOUND:
                sys.exit("it never took effect: the machine is too busy for these times")
            time.sleep(0.5)
        took = time.monotonic() - sent
        print(f"the run became PENDING {took:.1f} s after that was sent")
        sys.exit(0 if took <= BOUND else f"later than the {BOUND} s that pushpool reckons with")
    finally:
        for lock in locks:
            lock.kill()
        if server is not None:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
        if postgres is not None:
            postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


main()
