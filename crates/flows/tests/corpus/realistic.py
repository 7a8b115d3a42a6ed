"""Flows as projects write them."""

import datetime as dt
import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

from prefect import flow, get_run_logger, task, unmapped
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ConcurrentTaskRunner, ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, field_validator

logger = logging.getLogger(__name__)

DEFAULT_BUCKET = "raw-data"
DEFAULT_PREFIX = f"{DEFAULT_BUCKET}/incoming"
RETRIES = 3


class Environment(str, Enum):
    """Where it runs."""

    DEV = "dev"
    PROD = "prod"


class Source(BaseModel):
    """A place that data comes from."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(..., min_length=1, description="Display name")
    kind: Literal["s3", "http", "ftp"] = "s3"
    url: Optional[str] = None
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    tags: list[str] = []

    @field_validator("url")
    @classmethod
    def check_url(cls, value: Optional[str]) -> Optional[str]:
        if value is not None and not value.startswith(("http", "s3", "ftp")):
            raise ValueError("unknown scheme")
        return value


class Window(BaseModel):
    start: dt.datetime
    end: Optional[dt.datetime] = None
    step: dt.timedelta = dt.timedelta(hours=1)


class Config(BaseModel):
    sources: List[Source]
    window: Window
    environment: Environment = Environment.DEV
    options: Dict[str, Union[int, float, bool, str, None]] = {}
    fallback: Union[Source, str, None] = None


@dataclass
class Target:
    table: str
    schema: str = "public"
    if_exists: Literal["append", "replace", "fail"] = "append"


@task(retries=2, cache_policy=NO_CACHE)
def extract(source: Source) -> list[dict]:
    return []


@task
def load(rows, target: Target):
    return len(rows)


def notify(flow, run, state):
    logger.info("done")


@flow(
    name="Daily ETL",
    description="Loads the day's files.",
    version="2.1",
    retries=RETRIES,
    retry_delay_seconds=60,
    timeout_seconds=3600,
    task_runner=ThreadPoolTaskRunner(max_workers=4),
    flow_run_name="etl-{day}",
    on_failure=[notify],
    log_prints=True,
)
def etl(
    config: Config,
    day: Optional[dt.date] = None,
    bucket: str = DEFAULT_BUCKET,
    prefix: str = DEFAULT_PREFIX,
    target: Target = Target(table="events"),
    dry_run: bool = False,
    limit: Optional[int] = Field(default=None, ge=1, description="Stop after this many rows"),
    extra: Optional[Dict[str, Any]] = None,
) -> int:
    """Not used, because the decorator has a description.

    Args:
        config: What to load.
        day: The day, today if not given.
        dry_run: Load nothing.
        extra: Passed on
            as it is.
    """
    rows = extract.map(config.sources)
    return sum(load.map(rows, unmapped(target)))


@flow(task_runner=ConcurrentTaskRunner())
async def crawl(urls: list[str], depth: int = 1, *, allow: set[str] | None = None, headers: dict[str, str] | None = None) -> None:
    """Crawl pages.

    Args:
        urls (list[str]): Where to start.
        depth (int, optional): How far to go. Defaults to 1.
        allow: Hosts to stay on.

    Returns:
        Nothing.

    Raises:
        ValueError: If there are no URLs.
    """


@flow
def cleanup(root: Path = Path("/tmp") / "work", older_than: dt.timedelta = dt.timedelta(days=7), patterns: tuple[str, ...] = ("*.tmp", "*.log")):
    """Remove old files."""


@flow(log_prints=True)
def hello(name: str = "world", goodbye: bool = False):
    print(f"hello {name}")


if __name__ == "__main__":
    etl.serve(name="local", parameters={"dry_run": True})
