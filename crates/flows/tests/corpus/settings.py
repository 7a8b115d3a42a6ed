from typing import Any, Optional

from prefect import flow
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings."""

    model_config = SettingsConfigDict(env_prefix="APP_")

    host: str = "localhost"
    port: int = 80


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    first_name: str
    last_name: str = "x"


class Described(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    a: int = 1
    """What a is."""

    b: int = Field(2, description="from Field")
    """Loses."""


class Limited(BaseModel):
    model_config = ConfigDict(str_min_length=1, str_max_length=10)

    a: str
    b: Optional[str] = None


class Enumerated(BaseModel):
    model_config = ConfigDict(use_enum_values=True, frozen=True, validate_assignment=True, str_strip_whitespace=True)

    a: int = 1


class Choices(BaseModel):
    a: int = Field(validation_alias=AliasChoices("x", "y"))


class Titles(BaseModel):
    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("title"))

    a: int


@flow
def settings(a: Settings):
    pass


@flow
def camel(a: Camel):
    pass


@flow
def described(a: Described):
    pass


@flow
def limited(a: Limited):
    pass


@flow
def enumerated(a: Enumerated, b: Enumerated = Enumerated(a=2)):
    pass


@flow
def choices(a: Choices):
    pass


@flow
def titles(a: Titles, b: int = 1):
    pass
