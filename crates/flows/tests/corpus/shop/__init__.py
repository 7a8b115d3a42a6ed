from . import constants, kinds
from .people import Customer

__all__ = ["Customer", "constants", "kinds"]
