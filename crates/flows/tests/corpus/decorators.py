import functools
from functools import partial, wraps

import prefect
import prefect as pf
from prefect import Flow, flow, task
from prefect.flows import flow as flow_from_module

VERSION = "1.2.3"
NAME = "from a constant"


@flow(name="Own name", description="Own description.", version="v1")
def everything(a: int):
    """Docstring that loses."""


@flow(name=NAME, version=VERSION, description="Two " + "parts")
def computed():
    pass


@flow(name=f"etl-{VERSION}")
def interpolated():
    pass


@flow(timeout_seconds=10, retries=2, log_prints=True, flow_run_name="{a}")
def options(a: int = 1):
    pass


@pf.flow
def aliased(a: int = 1):
    pass


@prefect.flow(name="qualified")
def qualified(a: int = 1):
    pass


@flow_from_module
def from_module(a: int = 1):
    pass


@prefect.flows.flow
def deep(a: int = 1):
    pass


def logged(fn):
    @wraps(fn)
    def inner(*args, **kwargs):
        return fn(*args, **kwargs)

    return inner


def logged_with(level):
    def decorate(fn):
        @functools.wraps(fn)
        def inner(*args, **kwargs):
            return fn(*args, **kwargs)

        return inner

    return decorate


def replaced(fn):
    def inner(x: int, y: str = "y"):
        """The inner one."""
        return fn(x)

    return inner


@flow
@logged
def wrapped(a: int, b: str = "b"):
    """Wrapped.

    Args:
        a: kept
    """


@flow
@logged_with("info")
def wrapped_with(a: int, b: str = "b"):
    pass


@flow
@replaced
def hidden(a: int, b: str = "b"):
    pass


def plain(a: int, b: str = "b"):
    """Plain.

    Args:
        a: first
    """


assigned = flow(plain)
assigned_named = flow(plain, name="assigned named")
assigned_options = flow(name="assigned options", version="2")(plain)
made = Flow(plain, name="made by the class")
renamed = assigned.with_options(name="renamed", description="changed", version="3")
same = renamed
half_made = assigned.with_options(retries=3)
my_flow = flow(name="decorator kept")


@my_flow
def kept(a: int = 1):
    pass


custom = partial(flow, log_prints=True, version="partial")


@custom
def by_partial(a: int = 1):
    pass


@custom(name="partial named")
def by_partial_named(a: int = 1):
    pass


class Jobs:
    @flow
    def method(self, a: int, b: str = "b"):
        """A method."""

    @staticmethod
    @flow
    def static(a: int):
        pass

    @flow
    @staticmethod
    def static_inside(a: int):
        pass

    @classmethod
    @flow
    def klass(cls, a: int):
        pass

    @flow
    @classmethod
    def klass_inside(cls, a: int):
        pass

    class Nested:
        @flow(name="nested method")
        def method(self, a: int = 2):
            pass


class MoreJobs(Jobs):
    pass


instance = Jobs()


if True:

    @flow
    def conditional(a: int = 1):
        pass


try:

    @flow
    def tried(a: int = 1):
        pass

except ImportError:
    pass


@flow
def twice(a: int):
    pass


@flow(name="second wins")
def twice(b: str):
    pass


@flow(name="")
def empty_name(a: int = 1):
    pass


@flow(name=None, description=None, version=None)
def nones(a: int = 1):
    """Doc."""


@flow(description="")
def empty_description(a: int = 1):
    """Doc wins."""


@flow(description="  indented\n    text  ")
def kept_description(a: int = 1):
    pass


@flow
def __private__(a: int = 1):
    pass


@flow
def _underscored_name_(a: int = 1):
    pass


if __name__ == "__main__":
    everything.serve()
