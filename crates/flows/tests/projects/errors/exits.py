import sys

from prefect import flow

if not hasattr(sys, "something"):
    pass

sys.exit("the configuration is missing")


@flow
def never():
    pass
