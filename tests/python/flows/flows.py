"""Flows of the end-to-end tests: one for each way a flow run can go. They run on Prefect 3 and on 2.20."""

import json
import os
import signal
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from prefect import flow, get_client, runtime
from prefect.states import AwaitingRetry


@flow(log_prints=True)
def quick(x: int = 1):
    """Succeeds at once."""
    print(f"quick {x}")
    return x


@flow
def failing(message: str = "on purpose"):
    """Fails at once."""
    raise ValueError(message)


@flow
def sleeping(seconds: float = 30, started: str = ""):
    """Runs for a while; writes the file `started`, if named, when it begins."""
    if started:
        Path(started).write_text(str(os.getpid()))
    time.sleep(seconds)


@flow(retries=1, retry_delay_seconds=1)
def retried(marker: str):
    """Fails while the file `marker` does not exist, and makes it: Prefect retries it in the same process."""
    first_time(marker, raises=True)


@flow
def rescheduled(marker: str, seconds: float = 0):
    """The first time it goes back to SCHEDULED (AwaitingRetry) and its process ends; the second time it succeeds."""
    if first_time(marker):
        due = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(runtime.flow_run.id, AwaitingRetry(scheduled_time=due))
        # Not an exception: the engine would make a state of it.
        os._exit(0)


@flow
def stubborn(started: str, seconds: float = 600):
    """Ignores SIGTERM; writes the file `started` once it does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(started).write_text(str(os.getpid()))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1)


@flow
def echo(file: str, names: list[str]):
    """Writes the environment variables `names` to `file` as JSON, null for one that is not set."""
    Path(file).write_text(json.dumps({name: os.environ.get(name) for name in names}))


def first_time(marker: str, raises: bool = False) -> bool:
    """Whether the file does not exist yet; makes it."""
    path = Path(marker)
    if path.exists():
        return False
    path.touch()
    if raises:
        raise RuntimeError("the first time fails")
    return True
