"""Flows whose parameters are models."""

from datetime import date, timedelta
from typing import Dict, List, Literal, Optional, Union

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from shared import Region, Target


class Limits(BaseModel):
    """What a job may use."""

    cpu: int = 1
    memory: Optional[int] = None


class Job(BaseModel):
    name: str
    limits: Limits = Limits()
    retries: int = Field(default=3, ge=0, le=10, description="How often it is tried again")
    steps: List["Step"] = Field(default_factory=list)


class Step(BaseModel):
    command: str
    needs: List[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", title="A strict one")

    day: date = Field(alias="on")
    wait: timedelta = timedelta(minutes=5)
    mode: Literal["full", "delta"] = "full"
    labels: Dict[str, str] = {}
    code: str = Field(pattern=r"^[A-Z]{3}$", min_length=3, max_length=3, examples=["ABC"])


class Base(BaseModel):
    id: int
    note: str = ""


class Derived(Base):
    note: str = "derived"
    weight: float = Field(1.5, gt=0)


@flow
def c40_plain(limits: Limits, more: Optional[Limits] = None, many: List[Limits] = [], by_name: Dict[str, Limits] = {}):
    pass


@flow
def c40_nested(job: Job, either: Union[Job, Step, None] = None):
    pass


@flow
def c40_constrained(strict: Strict, derived: Derived = Derived(id=1)):
    pass


@flow
def c40_imported(target: Target, region: Region = Region.WEST):
    """Load into a target.

    Args:
        target: Where it goes.
        region: Where that is.
    """
