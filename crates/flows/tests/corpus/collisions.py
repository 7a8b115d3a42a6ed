from prefect import flow
from pydantic import BaseModel

from shop.orders.models import Line as ShopLine


class Line(BaseModel):
    text: str


class Outer:
    class Line(BaseModel):
        nested: int


@flow
def same_names(a: Line, b: ShopLine, c: Outer.Line):
    pass


@flow
def only_other(a: ShopLine, b: list[ShopLine]):
    pass
