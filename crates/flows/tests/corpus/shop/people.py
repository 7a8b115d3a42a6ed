from typing import Optional

from pydantic import BaseModel, Field

from .kinds import Kind


class Address(BaseModel):
    street: str
    number: Optional[int] = None


class Customer(BaseModel):
    """Buys things."""

    name: str = Field(description="full name")
    kind: Kind = Kind.SMALL
    address: Address
