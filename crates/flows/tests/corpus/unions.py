import typing
import typing as t
from typing import Any, Dict, List, Literal, Optional, Union

import prefect
from prefect import flow as workflow


@workflow
def optional(
    a: Optional[int],
    b: Optional[str] = None,
    c: Union[int, None] = 3,
    d: int | None = None,
    e: None | int = None,
    f: Optional[Any] = None,
    g: Optional[None] = None,
    h: Optional[Optional[int]] = None,
    i: typing.Optional[t.List[int]] = None,
):
    pass


@workflow()
def union(
    a: Union[int, str],
    b: int | str,
    c: int | str | None,
    d: Union[int, Union[str, float]],
    e: Union[int],
    f: Union[int, int],
    g: Union[str, list[str]],
    h: Union[List[int], Dict[str, int], None] = None,
    i: Optional[Union[int, str]] = None,
    j: Union[int, Any] = 1,
    k: list[int | str] = [],
    l: Union[int, bool] = True,
    m: Union[list[int], list[int]] = [],
):
    pass


@prefect.flow
def literal(
    a: Literal["x"],
    b: Literal["x", "y"],
    c: Literal[1, 2, 3],
    d: Literal["a", 1],
    e: Literal[True, False],
    f: Literal[None],
    g: Literal["a", None],
    h: Optional[Literal["a", "b"]] = None,
    i: Literal["a", "b"] | None = "a",
    j: Literal[Literal["a", "b"], "c"] = "c",
    k: Literal["a", "a", "b"] = "a",
    l: Literal[b"raw"] = b"raw",
    m: Literal[-1, 1] = -1,
    n: list[Literal["r", "w"]] = ["r"],
    o: Literal[True] = True,
    p: Literal[1, True] = 1,
    q: Union[Literal["a"], Literal["b"]] = "a",
):
    pass


@prefect.flow(name="with parentheses", log_prints=True)
def decorated(x: "int", y: "Optional[str]" = None, z: "list[int] | None" = None, w: Optional["int"] = None, v: list["str"] = []):
    pass
