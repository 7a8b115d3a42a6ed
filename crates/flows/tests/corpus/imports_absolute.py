import shop
import shop.orders.models
import shop.orders.models as order_models
from shop import Customer, kinds
from shop.constants import *
from shop.constants import LIMIT as MAXIMUM
from shop.flows import imported_flow
from shop.orders import Order
from shop.orders.models import Line as OrderLine
from shop.orders.models import Order as SameOrder

from prefect import flow


@flow
def models(a: Order, b: Customer, c: shop.orders.models.Line, d: order_models.Line, e: OrderLine, f: shop.Customer):
    pass


@flow
def constants(a: int = LIMIT, b: int = MAXIMUM, c: str = shop.constants.NAME, d: str = PUBLIC, e: kinds.Kind = kinds.Kind.BIG, f: int = shop.orders.models.DEFAULT):
    pass


@flow
def defaults(a: Order = Order(id=1, lines=[OrderLine(sku="x")]), b: kinds.Kind = kinds.DEFAULT_KIND):
    pass


reexported = imported_flow
