"""Written by a random generator of types and defaults."""

import collections, collections.abc, datetime, decimal, enum, pathlib, typing, uuid, ipaddress, dataclasses
from dataclasses import dataclass, field
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, auto
from pathlib import Path
from typing import Callable, Iterable, Mapping, Sequence, NotRequired, Required
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, Optional, Set, Tuple, TypedDict, Union, ClassVar, Final
from uuid import UUID
import annotated_types as at
import pydantic
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, conint, constr, SecretStr, HttpUrl, RootModel, StrictStr
from prefect import flow
CONST = 7
LISTED = ['l', 1]
class Plain:
    pass
class Colour0(enum.StrEnum):
    """First line.

    Second paragraph."""
    A = 'b'
    B = 'a'
class Colour1(Enum):
    A = 1.5
    B = 77
class Colour2(Enum):
    """First line.

    Second paragraph."""
    A = auto()
    B = auto()
class Klass0(BaseModel):
    model_config = {'arbitrary_types_allowed': True}
    x0: Literal['x',2,None] = Colour2.A
    max_value1: collections.OrderedDict[str, list] = Field(default='d', description='described')
    user_id2: Dict[str, int]
@dataclass
class Klass1:
    """Doc text."""
    max_value0: Union[tuple[frozenset, Colour2], frozenset, None]
    a1b1: tuple[List[Colour0], SecretStr] = field(default_factory=dict)
class Klass2(TypedDict, total=False):
    """First line.

    Second paragraph."""
    name0: Sequence[Colour2]
    HTTPCode1: Dict[Literal["k"], Union[list, Klass0]]
    max_value2: NotRequired[Optional[Annotated[set[str], at.MinLen(2)]]]
class Klass3(BaseModel):
    model_config = ConfigDict(extra='forbid', arbitrary_types_allowed=True)
    x0: Optional[None]
    a1b1: int = Colour1.A
    max_value2: dict[str, list[HttpUrl]]
    max_value3: dict[str, Literal['x',2,None]] = timedelta(hours=1)
@pydantic.dataclasses.dataclass(config={'arbitrary_types_allowed': True})
class Klass4:
    user_id0: tuple[collections.abc.Iterable[Klass0], object] = Field(...)
    name1: list[bool] = Field(..., json_schema_extra={'x': 1}, deprecated=True)
    a1b2: Plain = None
    user_id3: None = Field(default=2, json_schema_extra={'x': 1}, deprecated=True)
class Klass5(RootModel[Optional[str]]):
    pass
class Klass6(BaseModel):
    model_config = ConfigDict(extra='forbid', arbitrary_types_allowed=True)
    max_value0: collections.abc.Iterable[Dict[Literal["k"], Klass4]]
    HTTPCode1: Annotated[set[str], Field(min_length=1)] = Colour1.A
class Klass7(BaseModel):
    model_config = {'arbitrary_types_allowed': True}
    someThing0: Union[HttpUrl, Union[Klass4, UUID, None], None]
    user_id1: Annotated[str, Field(min_length=1)] = Field(default_factory=list, title='Titled')
    user_id2: Optional[Annotated[int, Field(description='d0', title='T')]]
@flow
def f0(the_name0: bool, the_name1: Union[tuple[Union[constr(max_length=3), Klass4, None], ...], Mapping[str, tuple[set, UUID]]], value2: Colour1, value3: Klass1):
    pass
@flow
def f1(copy0: Any, value: Union[tuple[tuple[Plain, ...], bytes], dict[str, List[Klass2]]] = 1 if CONST else 2, a2: collections.OrderedDict[str, ipaddress.IPv4Address] = 1):
    """Flow doc.

    Args:
        value (int): about value
        a2 (str, optional): about a2
    """
    pass
@flow
def f2(the_name0: Plain, copy1: List[collections.OrderedDict[str, collections.OrderedDict[str, Literal['a','b']]]], value2: complex, a3: 'Klass4' = Colour1.A, items4: dict[str, Annotated[set[str], Field(description='d8', title='T')]] = -3):
    pass
@flow
def f3(value0: Klass1, value: frozenset = dict(a=1), schema = Colour0.B, schema3: Mapping[str, list[Klass3]] = list(), copy4: List[Optional[tuple[timedelta, ...]]] = 10**6):
    """Flow doc.

    Args:
        schema (str, optional): about schema
            more
    """
    pass
@flow
def f4(the_name0: Colour0, *args: Klass0):
    """Flow doc.

    Args:
        the_name0 (int): about the_name0
    """
    pass
@flow
def f5(the_name0: tuple[Annotated[timedelta, Field(description='d4', title='T')], Klass0] = Decimal('1.50'), the_name1: collections.abc.Iterable[collections.OrderedDict[str, Annotated[SecretStr, Field(description='d4', title='T')]]] = list(), *args: Colour1):
    """Flow doc.

    Args:
        the_name0 (str, optional): about the_name0
    """
    pass
@flow
def f6(camelName, schema1: Klass0 = datetime.datetime(2020,1,1,tzinfo=timezone.utc), copy2: Mapping[str, tuple[Dict[int, StrictStr], Sequence[frozenset]]] = list(), copy3: List[collections.OrderedDict[str, str]] = UUID('00000000-0000-0000-0000-000000000009'), items4: Colour2 = datetime.datetime(2020, 1, 2, 3, 4)):
    """Flow doc.

    Args:
        camelName (str, optional): about camelName
            more
        schema1 (str, optional): about schema1
        copy3 (int): about copy3
            more
    """
    pass
@flow
def f7(schema: Path, copy1: Klass2, value2: 'Klass7' = [Colour1.A], camelName3: Klass3 = {'a': 1}, the_name4: collections.OrderedDict[str, Klass1] = 'text', *, key: typing.Hashable):
    """Flow doc.

    Args:
        copy1: about copy1
            more
        camelName3: about camelName3
    """
    pass
@flow
def f8(schema0: List[collections.abc.Iterable[Callable[[int], str]]], a1: str = [Colour1.A], the_name2 = datetime.datetime(2020, 1, 2, 3, 4), copy3: datetime.datetime = Path('/x') / 'y'):
    """Flow doc.

    Args:
        the_name2 (int): about the_name2
        copy3: about copy3
            more
    """
    pass
@flow
def f9(the_name0: Klass5, schema1: Any = Colour0.A, schema2: Colour0 = -0.5, value3: datetime.datetime = frozenset({'q'}), the_name4: 'HttpUrl' = [1, 2]):
    """Flow doc.

    Args:
        value3 (str, optional): about value3
            more
    """
    pass
@flow
def f10(a0: Annotated[Decimal, at.Gt(2)], the_name1: 'Mapping[str, Optional[Klass6]]' = CONST, *args: Klass3):
    pass
@flow
def f11(the_name0: 'tuple' = Plain(), a1: Klass4 = ['a', None], items: list[ipaddress.IPv4Address] = dict(a=1)):
    """Flow doc.

    Args:
        a1 (int): about a1
    """
    pass
@flow
def f12(value: dict[str, Annotated[Optional[int], Field(multiple_of=2)]], value1: Klass7 = [], camelName2: set[str] = LISTED):
    """Flow doc.

    Args:
        value1 (int): about value1
        camelName2: about camelName2
    """
    pass
@flow
def f13(the_name0: 'Klass1', schema: Union[collections.abc.Iterable[Klass4], Klass5] = 1, value2: Sequence[frozenset] = lambda: 1, value: Klass1 = [], *, key: tuple):
    """Flow doc.

    Args:
        schema (str, optional): about schema
    """
    pass
@flow
def f14(copy0: Annotated[frozenset[int], at.Len(1,3)], camelName1: Klass4, copy2: SecretStr):
    """Flow doc.

    Args:
        copy2: about copy2
    """
    pass
@flow
def f15(camelName0: dict[str, StrictStr] = UUID('00000000-0000-0000-0000-000000000009')):
    pass
@flow
def f16(a0: Annotated[Klass3, Field(description='d2', title='T')] = {'k': [1, {'x': None}]}, copy1: Colour2 = len('abc'), the_name2: dict[str, collections.abc.Iterable[Annotated[float, Field(gt=0, le=10)]]] = None, copy3: Union[list[List[list]], List[Annotated[StrictStr, Field(description='d0', title='T')]], None] = time(1, 2, 3), camelName4 = 'a' + 'b', *, key: Union[Annotated[list[int], at.Len(1,3)], dict[str, Union[Callable[[int], str], Plain]]]):
    """Flow doc.

    Args:
        a0 (str, optional): about a0
        copy3: about copy3
            more
    """
    pass
@flow
def f17(items0: Dict[str, Annotated[int, Field(ge=1)]] = UUID('00000000-0000-0000-0000-000000000009'), items1: ipaddress.IPv4Address = {'k': [1, {'x': None}]}, camelName2: collections.OrderedDict[str, Annotated[int, Field(multiple_of=2)]] = 60 * 5, a3: 'UUID' = [Colour2.A], camelName4: 'tuple[dict[str, StrictStr], ...]' = len('abc')):
    """Flow doc.

    Args:
        camelName2 (str, optional): about camelName2
    """
    pass
@flow
def f18(schema0: Union[Annotated[float, Field(gt=0, le=10)], Mapping[str, Dict[Literal["k"], datetime.datetime]]] = None, value1: Annotated[Optional[int], at.Gt(2)] = [], camelName2: Literal['x',2,None] = Colour2.B):
    """Flow doc.

    Args:
        value1 (str, optional): about value1
            more
    """
    pass
@flow
def f19(copy0: Klass6, items1: Colour0 = {'a': 1}, camelName2 = [Colour1.A], the_name3: Mapping[str, HttpUrl] = Colour1.A):
    pass
@flow
def f20(the_name: tuple[Klass7, Mapping[str, List[list]]], copy1: Optional[tuple[Union[Literal['a','b'], Klass4], ...]] = False, the_name2: Mapping[str, Mapping[str, Sequence[HttpUrl]]] = [Colour1.A]):
    """Flow doc.

    Args:
        the_name (int): about the_name
            more
    """
    pass
@flow
def f21(copy0: Optional[list[Annotated[int, Field(gt=0, le=10)]]], items: Dict[UUID, collections.abc.Iterable[tuple[type, ...]]] = 1e10):
    pass
@flow
def f22(value0: Klass2, camelName1: Decimal, the_name2: Literal[1]):
    pass
@flow
def f23(a0: Annotated[tuple[int, ...], Field(min_length=1)] = not True, items1: Union[Klass3, Union[list[type], PositiveInt]] = 10**6, the_name2: str = -3, camelName: str = Field(description='no default'), *args: Klass4):
    pass
@flow
def f24(items0: Klass5):
    pass
@flow
def f25(value0: Sequence[Sequence[Sequence[tuple]]], schema1: Klass0 = list()):
    """Flow doc.

    Args:
        value0: about value0
    """
    pass
@flow
def f26(copy0: Sequence[set[str]], camelName: Path = None, the_name2: Annotated[float, at.Ge(1), at.Le(5)] = UUID('00000000-0000-0000-0000-000000000009'), a3: Sequence[Colour2] = 'a' + 'b', schema4: Plain = int):
    """Flow doc.

    Args:
        copy0: about copy0
            more
        camelName (int): about camelName
            more
        the_name2 (str, optional): about the_name2
            more
        a3 (int): about a3
    """
    pass
@flow
def f27(a0: Sequence[collections.abc.Iterable[tuple]], schema1: Annotated[Mapping[str,int], at.MinLen(2)], items2: tuple[Optional[Union[set, None]], Klass3], items3: time, items4: Union[Literal['x',2,None], SecretStr, None]):
    """Flow doc.

    Args:
        schema1 (str, optional): about schema1
            more
    """
    pass
@flow
def f28(copy0: collections.abc.Iterable[Union[Klass7, Sequence[Decimal], None]] = '', a1 = {'a': 1}):
    """Flow doc.

    Args:
        copy0 (int): about copy0
        a1 (int): about a1
            more
    """
    pass
@flow
def f29(copy = Field(default=3, description='from field'), items1 = Path('a/b'), camelName: Klass4 = lambda: 1, value3: Literal['a','b'] = 1 if CONST else 2):
    """Flow doc.

    Args:
        copy (int): about copy
            more
        items1: about items1
        value3 (str, optional): about value3
    """
    pass
@flow
def f30(copy0: Colour2 = frozenset({'q'}), schema1: Annotated[set[str], at.MinLen(2)] = {}, items: set = ['a', None], schema3: Union[Union[Annotated[Any, Field(description='d2', title='T')], Annotated[float, Field(ge=1)]], collections.abc.Iterable[Colour0], None] = 'text', the_name: List[Literal['x',2,None]] = timedelta(days=1, minutes=5)):
    pass
@flow
def f31(items0: Callable[[int], str] = 60 * 5, camelName1: Mapping[str, set[str]] = SecretStr('x')):
    pass
@flow
def f32(value0: Literal[1] = 1e10, camelName1: List[Optional[Dict[Colour2, PositiveInt]]] = 1.5, a2: int = list(), copy3: Mapping[str, Annotated[Iterable[int], Field(min_length=1)]] = datetime.datetime(2020, 1, 2, 3, 4), a4: dict = [Colour1.A]):
    """Flow doc.

    Args:
        value0 (int): about value0
        a2: about a2
            more
    """
    pass
@flow
def f33(copy: List[tuple[Annotated[Decimal, Field(gt=0, le=10)], Klass0]], schema1: set[int] = list(), copy2 = -3, items3: bool = LISTED, *args: Colour1):
    pass
@flow
def f34(value0: timedelta = list(), schema1: list[tuple[Colour2, Annotated[int, at.Gt(2)]]] = SecretStr('x'), value: Union[Sequence[Literal[1]], tuple[Klass6, Colour2], None] = 'a' + 'b'):
    pass
@flow
def f35(schema: set[float], copy: Annotated[collections.abc.Iterable[Colour2], Field(description='d4', title='T')], schema2: Colour0 = list()):
    """Flow doc.

    Args:
        schema: about schema
            more
    """
    pass
@flow
def f36(copy0: Klass3, the_name1: list[collections.OrderedDict[str, Klass7]], a2: tuple[tuple[dict[str, typing.Hashable], Klass4], Dict[int, conint(ge=1)]], the_name3: Colour1, *args: Klass1):
    pass
@flow
def f37(copy0: Sequence[Mapping[str, Optional[dict]]], schema1: Klass5, *args: Klass0):
    pass
@flow
def f38(the_name0: Union[tuple[Optional[dict], ...], object] = {'a': 1}, copy1: Literal['x',2,None] = 'a' + 'b', **kw: StrictStr):
    pass
@flow
def f39(camelName0: dict[str, Union[Optional[Klass3], Union[timedelta, Klass1], None]] = Path('a/b'), a1: object = [Colour1.A], items2 = Colour0.B, items3: tuple[collections.abc.Iterable[timedelta], ...] = 10**6, *args: Literal[1]):
    """Flow doc.

    Args:
        items3 (str, optional): about items3
    """
    pass
@flow
def f40(copy0: Klass6 = SecretStr('x'), the_name1: list[Sequence[Klass6]] = Colour1.B, the_name2: date = [1, 2], camelName3: tuple[Colour1, Annotated[list[Klass7], Field(description='d3', title='T')]] = ['a', None]):
    """Flow doc.

    Args:
        the_name1 (str, optional): about the_name1
        camelName3: about camelName3
            more
    """
    pass
@flow
def f41(items0: Mapping[str, set[str]] = (), value1: dict[str, Klass3] = Colour0.B, copy2: Mapping[str, collections.abc.Iterable[Union[Klass1, Colour1]]] = CONST, a3: tuple[object, Colour1] = (1, 'a'), **kw: Path):
    """Flow doc.

    Args:
        value1 (str, optional): about value1
    """
    pass
@flow
def f42(the_name0: PositiveInt, schema1: 'Annotated[Sequence[int], Field(min_length=1, max_length=4)]' = Path('/x') / 'y', **kw: HttpUrl):
    """Flow doc.

    Args:
        the_name0: about the_name0
    """
    pass
@flow
def f43(camelName0: Colour1 = 1.5):
    pass
@flow
def f44(a0: object, a1: Sequence[list[Annotated[Iterable[int], at.MinLen(2)]]], the_name2: Klass3):
    pass
@flow
def f45(the_name0: Klass6, *args: complex):
    pass
@flow
def f46(the_name0: set[float], copy1: List[Annotated[Optional[str], Field(min_length=1, max_length=4)]], schema2: Optional[set[int]], a3: conint(ge=1) = int, a4: conint(ge=1) = '', *args: Colour0):
    """Flow doc.

    Args:
        the_name0: about the_name0
        a4: about a4
            more
    """
    pass
@flow
def f47(a0: bool = time(1, 2, 3)):
    pass
@flow
def f48(schema0: list[Mapping[str, Mapping[str, Colour2]]] = date(2021, 3, 4), a1: Union[set[str], Optional[collections.OrderedDict[str, SecretStr]], None] = 1 if CONST else 2):
    """Flow doc.

    Args:
        schema0 (str, optional): about schema0
            more
    """
    pass
@flow
def f49(copy0: List[None], a1: UUID = 10**6, value2: Sequence[ipaddress.IPv4Address] = lambda: 1, schema3: List[Annotated[float, Field(ge=1)]] = len('abc'), items4: 'tuple[collections.abc.Iterable[Colour0], ...]' = timedelta(days=1, minutes=5)):
    """Flow doc.

    Args:
        copy0 (int): about copy0
        items4 (int): about items4
    """
    pass
@flow
def f50(value0: Annotated[int, Field(ge=1)] = Colour1.A, the_name: PositiveInt = [], copy2: Optional[Annotated[Sequence[int], at.MinLen(2)]] = SecretStr('x')):
    """Flow doc.

    Args:
        copy2: about copy2
    """
    pass
@flow
def f51(value0: Klass0 = Colour1.A):
    pass
@flow
def f52(schema0: List[Union[Colour2, Klass7, None]], camelName1: collections.abc.Iterable[Callable[[int], str]], copy2: ipaddress.IPv4Address):
    """Flow doc.

    Args:
        copy2: about copy2
            more
    """
    pass
@flow
def f53(schema0: 'collections.abc.Iterable[tuple[ipaddress.IPv4Address, ...]]' = Field(default_factory=list), the_name1: collections.OrderedDict[str, Union[List[Colour0], bytes, None]] = (1, 'a'), items2: Colour0 = [Colour2.A], schema3: complex = UUID('00000000-0000-0000-0000-000000000009'), camelName4: Klass3 = 10**6):
    """Flow doc.

    Args:
        the_name1 (str, optional): about the_name1
    """
    pass
@flow
def f54(a: Annotated[str, at.MinLen(2)], schema1: tuple[None, Sequence[List[SecretStr]]], value3: 'Klass0'):
    """Flow doc.

    Args:
        schema1: about schema1
        value3 (int): about value3
            more
    """
    pass
@flow
def f55(a0: bool = {}, **kw: Colour2):
    pass
@flow
def f56(copy0: collections.abc.Iterable[Dict[Colour0, Path]]):
    """Flow doc.

    Args:
        copy0 (str, optional): about copy0
    """
    pass
@flow
def f57(items0: Klass7 = {1, 2}, value: list[Klass5] = Colour1.A, a = Plain()):
    pass
@flow
def f58(camelName0: 'tuple[dict[str, List[set]], ...]' = b'raw', camelName1: 'Optional[Annotated[Mapping[str,int], Field(min_length=1)]]' = list(), items2: bool = SecretStr('x')):
    """Flow doc.

    Args:
        items2 (str, optional): about items2
    """
    pass
@flow
def f59(copy0: Annotated[frozenset[int], at.Len(1,3)], items1: set[int] = Field(default_factory=list)):
    pass
