"""Written by a random generator of types and defaults."""

from __future__ import annotations
import enum, typing, dataclasses, datetime as dt
from dataclasses import dataclass, field, KW_ONLY, InitVar
from datetime import date, timedelta
from enum import Enum, IntEnum, StrEnum, IntFlag, auto
from pathlib import Path
from typing import Annotated, Any, ClassVar, Dict, Final, Generic, List, Literal, NamedTuple, NewType, NotRequired, Optional, Required, Self, Tuple, TypedDict, TypeVar, Union
from uuid import UUID
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, computed_field, field_validator, model_validator, AfterValidator, BeforeValidator, Discriminator
from pydantic.dataclasses import dataclass as pdataclass
from prefect import flow
T = TypeVar("T")
U = TypeVar("U", bound=int)
class E0(StrEnum):
    red = auto()
class E1(IntEnum):
    """Enum doc."""
    C_D = auto()
    red = 4
    def label(self): return self.name
    @property
    def p(self): return 1
class K0(BaseModel):
    f0_0: E1 = E1.red
    f0_1: float = Field(default_factory=lambda: None)
class K1(K0):
    f1_0: Optional[str] = Field('s', description='x')
    f1_1: list = Field([], description='x')
    f1_2: K0 = Field(default_factory=lambda: None)
@dataclass(frozen=True)
class K2:
    """Doc."""
    f2_0: list
    f2_1: timedelta = timedelta(hours=2)
@dataclass
class K3:
    f3_0: K1
    f3_1: dict
class K4(K1):
    f4_0: float | int
    f4_1: int | str = Field(default_factory=lambda: None)
    me: Optional['K4'] = None
class K5(TypedDict):
    f5_0: NotRequired[int]
    f5_1: NotRequired[K0]
    f5_2: NotRequired[int]
@dataclass
class K6(K3):
    """Doc."""
    f6_0: int | str
    f6_1: List[int]
    f6_2: K3
class Cat(BaseModel):
    kind: Literal["cat", "kitten"] = "cat"
    lives: int = 9
class Dog(BaseModel):
    kind: Literal["dog"]
    bark: bool = True
Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]
class Owner(BaseModel):
    pet: Pet
    pets: List[Pet] = []
    maybe: Optional[Union[Cat, Dog]] = Field(None, discriminator="kind")
class Page(BaseModel, Generic[T]):
    items: List[T]
    first: Optional[T] = None
class Num(Page[int]):
    more: int = 1
type Alias = int | str
type Many[X] = list[X]
UserId = NewType("UserId", int)
Short = Annotated[str, Field(max_length=3)]
@flow
def f0(p0: Dict[str, Many[int]] = None, q0: Any = K1(f0_0=E1.C_D, f0_1=1.5, f1_0='s', f1_2=K0(f0_0=E1.red))):
    pass
@flow
def f1(p0: Many[int] | None = None, p1: K1 | None = None):
    pass
@flow
def f2(p0: List[Page[int]], p1: Union[Owner, int], p2: Optional[Short], q0: Any = K6(K1(f0_0=E1.red, f0_1=-0.25, f1_1=[1, 'a']), {'a': [1]}, 'z', [], K3(f3_0=K1(f1_0='s', f1_1=[], f1_2=K0(f0_0=E1.red)), f3_1={})), q1: Optional[K4] = K4(f1_1=[], f4_0=2, f4_1=1)):
    pass
@flow
def f3(p0: Dict[str, Many[int]], q0: K1 = K1(f0_0=E1.C_D, f0_1=2.0, f1_2=K0(f0_0=E1.red, f0_1=2.0)), q1: Any = K0(f0_0=E1.C_D, f0_1=1.5)):
    pass
@flow
def f4(p0: Union[Many[int], int]):
    pass
@flow
def f5(p0: Union[Page[str], int], p1: Dict[str, Short] = None, q0: Optional[K4] = K4(f1_0='s', f1_2=K0(f0_0=E1.C_D, f0_1=-0.25), f4_0=2, f4_1=1)):
    pass
@flow
def f6(p0: Optional[Page[Cat]], q0: K3 = K3(f3_0=K1(f0_1=1.5), f3_1={'a': [1]}), q1: K2 = K2([])):
    pass
@flow
def f7(p1: Union[K2, int], p2: List[Many[str]], p0: List[Short] = None, q0: K0 = K0(f0_1=1.5)):
    pass
@flow
def f8(p0: Page | None, q0: Optional[K3] = K3(f3_0=K1(f0_0=E1.C_D, f1_1=[], f1_2=K0()), f3_1={'a': [1]})):
    pass
@flow
def f9(p0: K0 = None, q0: K5 = K5(f5_0=0, f5_1=K0(f0_0=E1.red, f0_1=1.5))):
    pass
@flow
def f10(p0: Dict[str, K6], p1: Dict[str, Page[str]] = None, q0: Any = K1(f0_1=-0.25, f1_2=K0(f0_0=E1.red, f0_1=-0.25))):
    pass
@flow
def f11(p1: List[K0], p2: Union[K1, int], p0: Optional[Many[int]] = None):
    pass
@flow
def f12(p0: Tuple[K5, ...], p1: Union[Alias, int]):
    pass
@flow
def f13(p0: E1, p1: Optional[K5], q0: Any = K6(K1(f0_1=-0.25, f1_1=[], f1_2=K0()), {'a': [1]}, 1, [1, 2], K3(K1(f0_0=E1.red, f1_1=[1, 'a']), {}))):
    pass
@flow
def f14(p0: Tuple[K4, ...], q0: Any = K0(f0_0=E1.C_D), q1: K6 = K6(f3_0=K1(f0_1=1.5), f3_1={}, f6_0=1, f6_1=[1, 2], f6_2=K3(f3_0=K1(f0_0=E1.red), f3_1={'a': [1]}))):
    pass
@flow
def f15(p0: Dict[str, K0] = None, p1: Optional[K1] = None, p2: Union[Page[int], int] = None, q0: Optional[K2] = K2(f2_0=[]), q1: Any = K6(f3_0=K1(f0_0=E1.red, f0_1=2.0), f3_1={}, f6_0=1, f6_1=[1, 2], f6_2=K3(f3_0=K1(f1_0=None), f3_1={'a': [1]}))):
    pass
@flow
def f16(p0: K3 | None, q0: Any = K1(f0_1=2.0, f1_1=[], f1_2=K0(f0_0=E1.C_D))):
    pass
@flow
def f17(p0: K2 | None, q0: Any = K6(f3_0=K1(f0_0=E1.C_D, f0_1=-0.25, f1_0='s', f1_2=K0()), f3_1={'a': [1]}, f6_0=1, f6_1=[1, 2], f6_2=K3(K1(f0_0=E1.red, f0_1=-0.25, f1_1=[1, 'a'], f1_2=K0(f0_0=E1.red, f0_1=2.0)), {})), q1: Any = K6(f3_0=K1(f0_1=-0.25, f1_0='s', f1_1=[], f1_2=K0()), f3_1={'a': [1]}, f6_0=1, f6_1=[1, 2], f6_2=K3(f3_0=K1(f0_0=E1.red, f1_1=[]), f3_1={'a': [1]}))):
    pass
@flow
def f18(p0: K2 = None, q0: Any = K3(f3_0=K1(f0_1=-0.25, f1_0='s', f1_1=[1, 'a'], f1_2=K0(f0_0=E1.C_D, f0_1=2.0)), f3_1={})):
    pass
@flow
def f19(p0: Dict[str, K3], p1: Tuple[Page[str], ...], p2: Dict[str, K5], q0: Any = K2(f2_0=[])):
    pass
@flow
def f20(p0: List[K5] = None, q0: Any = K4(f0_1=2.0, f1_0=None, f1_1=[1, 'a'], f4_0=1.5)):
    pass
@flow
def f21(p0: Dict[str, K1], p1: Dict[str, K2], p2: Tuple[K2, ...], q0: Any = K5(f5_0=-2, f5_2=-2), q1: Any = K1(f1_0='s', f1_1=[], f1_2=K0(f0_0=E1.red))):
    pass
@flow
def f22(p0: K0 | None):
    pass
@flow
def f23(p0: List[K6], p1: Optional[Page[str]] = None):
    pass
@flow
def f24(p0: K2 | None):
    pass
@flow
def f25(p0: K1, p2: Dict[str, Alias], p1: List[K5] = None, q0: Optional[K1] = K1(f0_1=2.0, f1_0=None)):
    pass
@flow
def f26(p1: Dict[str, Owner], p0: List[K1] = None, q0: Any = K4(f0_1=2.0, f1_2=K0(f0_0=E1.C_D), f4_0=1.5, f4_1='z'), q1: K3 = K3(K1(f1_0='s'), {})):
    pass
@flow
def f27(p0: Alias | None, p1: Pet, p2: K3 = None, q0: K4 = K4(f0_1=1.5, f1_0=None, f1_1=[], f4_0=1.5), q1: Optional[K5] = K5(f5_0=0)):
    pass
@flow
def f28(p0: Dict[str, Page[str]], q0: K4 = K4(f0_1=2.0, f1_1=[], f1_2=K0(), f4_0=1.5)):
    pass
@flow
def f29(p0: Short | None, p1: K4 | None, p2: Dict[str, Pet] = None):
    pass
@flow
def f30(p0: Optional[Many[int]] = None, q0: Optional[K2] = K2([1, 'a'], timedelta(hours=2)), q1: Any = K4(f0_0=E1.red, f1_0=None, f1_1=[1, 'a'], f1_2=K0(f0_1=-0.25), f4_0=2, f4_1=1)):
    pass
@flow
def f31(p1: K1 | None, p0: List[Page] = None, p2: Optional[K5] = None, q0: Optional[K4] = K4(f0_0=E1.red, f0_1=2.0, f1_1=[1, 'a'], f4_0=1.5), q1: K6 = K6(f3_0=K1(f0_0=E1.C_D, f1_2=K0(f0_0=E1.C_D)), f3_1={}, f6_0='z', f6_1=[1, 2], f6_2=K3(K1(f0_0=E1.red, f1_1=[1, 'a'], f1_2=K0(f0_0=E1.C_D)), {'a': [1]}))):
    pass
@flow
def f32(p0: Union[Many[str], int], p1: Union[E1, int], p2: K3):
    pass
@flow
def f33(p0: Union[K3, int] = None, p1: K5 = None, q0: Optional[K0] = K0(f0_1=1.5)):
    pass
@flow
def f34(p0: Dict[str, E1] = None, p1: K3 | None = None, q0: K2 = K2([1, 'a']), q1: Optional[K3] = K3(f3_0=K1(f0_0=E1.C_D, f1_0='s', f1_1=[1, 'a']), f3_1={'a': [1]})):
    pass
@flow
def f35(p0: Dict[str, UserId], p1: Dict[str, Page[str]] = None, q0: Optional[K2] = K2(f2_0=[]), q1: K5 = K5(f5_0=0)):
    pass
@flow
def f36(p0: Tuple[E1, ...], q0: Optional[K5] = K5(f5_0=1, f5_1=K0(f0_0=E1.C_D))):
    pass
@flow
def f37(p1: Union[K1, int], p0: Alias | None = None, p2: Dict[str, K0] = None):
    pass
@flow
def f38(p0: List[Short], p1: Many[int] | None, p2: List[Page[int]], q0: Optional[K0] = K0(), q1: Optional[K4] = K4(f1_0=None, f4_0=1.5)):
    pass
@flow
def f39(p0: Optional[K2], p2: List[K5], p1: Optional[K5] = None, q0: Any = K5(f5_0=1, f5_1=K0(f0_0=E1.C_D))):
    pass
