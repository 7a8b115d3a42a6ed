from typing import Annotated, Optional

from prefect import flow
from pydantic import (
    UUID4,
    AnyHttpUrl,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    Base64Str,
    BaseModel,
    ByteSize,
    DirectoryPath,
    FilePath,
    FiniteFloat,
    FutureDate,
    FutureDatetime,
    HttpUrl,
    ImportString,
    Json,
    NaiveDatetime,
    NegativeFloat,
    NegativeInt,
    NewPath,
    NonNegativeFloat,
    NonNegativeInt,
    NonPositiveFloat,
    NonPositiveInt,
    PastDate,
    PastDatetime,
    PositiveFloat,
    PositiveInt,
    PostgresDsn,
    SecretBytes,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    conint,
    conlist,
    constr,
)


@flow
def numbers(
    a: PositiveInt,
    b: NegativeInt,
    c: NonNegativeInt,
    d: NonPositiveInt,
    e: PositiveFloat,
    f: NegativeFloat,
    g: NonNegativeFloat,
    h: NonPositiveFloat,
    i: FiniteFloat,
    j: StrictInt,
    k: StrictFloat,
    l: StrictBool,
    m: StrictStr,
    n: Optional[PositiveInt] = None,
    o: list[PositiveInt] = [1],
    p: PositiveInt = 3,
):
    pass


@flow
def texts(
    a: SecretStr,
    b: SecretBytes,
    c: UUID4,
    d: FilePath,
    e: DirectoryPath,
    f: NewPath,
    g: Json,
    h: ByteSize,
    i: Base64Str,
    j: Base64Bytes,
    k: ImportString,
    l: Json[int],
):
    pass


@flow
def times(a: AwareDatetime, b: NaiveDatetime, c: PastDate, d: FutureDate, e: PastDatetime, f: FutureDatetime):
    pass


@flow
def urls(a: HttpUrl, b: AnyUrl, c: AnyHttpUrl, d: PostgresDsn, e: Optional[HttpUrl] = None, f: HttpUrl = "https://example.com"):
    pass


@flow
def made(
    a: conint(ge=1, le=5),
    b: constr(min_length=1, max_length=3),
    c: conlist(int, min_length=1),
    d: constr(pattern="^a+$") = "aa",
    e: conint(gt=3) = 4,
):
    pass


@flow
def secrets(a: SecretStr = SecretStr("hidden"), b: Optional[SecretStr] = None, c: BaseModel = None):
    pass
