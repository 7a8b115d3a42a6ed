from prefect import flow

from . import sibling
from .shop.orders.models import Order
from .sibling import Same, helper_value


@flow
def relative(a: Same, b: sibling.Same, c: Order, d: int = helper_value):
    pass
