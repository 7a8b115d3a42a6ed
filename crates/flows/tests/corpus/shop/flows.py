from prefect import flow

from .orders import Order


@flow
def imported_flow(order: Order, dry: bool = False):
    """Runs in the package.

    Args:
        order: what to run
    """
