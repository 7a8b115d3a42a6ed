__all__ = ["LIMIT", "PUBLIC"]

LIMIT = 99
NAME = "shop"
PUBLIC = "public"
HIDDEN = "hidden"
