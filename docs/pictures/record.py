"""Records the terminal session of the README's picture, from a real run.

    record.py PREFECT PUSHPOOL [OUT]

PREFECT and PUSHPOOL are the programs; Python needs `rich`, which Prefect's environment has. A fresh Prefect server on SQLite, a
work pool, `pushpool dev --prefect` in the background, one deployment and one run of it. What the commands print goes into the
picture as it is, but for lines that are left out, which `…` stands for, and the paths of this machine.
"""

import io
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from rich.console import Console
from rich.text import Text

FLOW = '''from prefect import flow

@flow(log_prints=True)
def hello(name: str = "world"):
    print(f"hello {name}")
'''
WIDTH = 104
PATIENCE = 180


class Session:
    def __init__(self, environment, directory, programs):
        self.environment, self.directory, self.programs = environment, directory, programs
        self.console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")

    def show(self, line):
        for path, instead in self.programs:
            line = line.replace(path, instead)
        self.console.print(Text.from_ansi(line), soft_wrap=True)

    def typed(self, command):
        self.console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))

    def run(self, command, keep=lambda line: True):
        self.typed(command)
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode != 0:
            sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
        left_out = False
        for line in (done.stderr + done.stdout).splitlines():
            if keep(line):
                self.show(line)
                left_out = False
            elif not left_out and line.strip():
                self.show("…")
                left_out = True


def until(what, test):
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        found = test()
        if found:
            return found
        time.sleep(0.2)
    sys.exit(f"{what}: not within {PATIENCE} s")


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    prefect, pushpool, *rest = sys.argv[1:]
    out = pathlib.Path(rest[0] if rest else pathlib.Path(__file__).with_name("dev.svg"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    with tempfile.TemporaryDirectory() as home:
        work = pathlib.Path(home) / "flows"
        work.mkdir()
        (work / "hello.py").write_text(FLOW)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        programs = [str(pathlib.Path(program).resolve().parent) for program in (prefect, pushpool)]
        programs[0] = str(pathlib.Path(prefect).absolute().parent)
        environment |= {
            "PREFECT_HOME": home, "PREFECT_API_URL": api, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
            "XDG_STATE_HOME": home, "TMPDIR": home, "PATH": ":".join([*programs, environment["PATH"]]), "COLUMNS": str(WIDTH),
        }
        server = subprocess.Popen(
            [prefect, "server", "start", "--port", str(port)],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        dev = None
        try:
            until("the server answers", lambda: answers(f"{api}/health"))
            session = Session(environment, work, [(f"127.0.0.1:{port}", "127.0.0.1:4200"), (home, "…")])
            session.run("pushpool pool create demo --set cluster=demo --set subnets=subnet-12345678")
            session.typed("pushpool dev --prefect &")
            dev = subprocess.Popen(
                [pushpool, "dev", "--prefect"], cwd=work, env=environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )
            lines = []
            threading.Thread(target=lambda: lines.extend(iter(dev.stdout.readline, "")), daemon=True).start()
            until("dev serves the pool", lambda: any("serving" in line for line in lines))
            for line in lines:
                if re.match(r"(Prefect|AWS|serving)", line):
                    session.show(line.rstrip())
            seen = len(lines)
            session.run("prefect --no-prompt deploy hello.py:hello --name hello --pool demo", lambda line: "successfully created" in line)
            session.run("prefect deployment run hello/hello", lambda line: line.startswith("Created"))
            ended = lambda: any("Completed" in line and "STOPPED" in line for line in lines[seen:])
            until("the run has ended", ended)
            for line in lines[seen:]:
                session.show(line.rstrip())
            session.run("pushpool pool status demo", lambda line: re.match(r"(demo|READY|Served|Last polled|Runs|Slots)", line))
        finally:
            for process in (dev, server):
                if process:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(30)
                    except subprocess.TimeoutExpired:
                        process.kill()
    # Viewers that load nothing from elsewhere take a monospaced font of their own.
    picture = re.sub(r"\s*@font-face \{.*?\}", "", session.console.export_svg(title="pushpool"), flags=re.DOTALL)
    out.write_text(picture)
    print(out)


if __name__ == "__main__":
    main()
