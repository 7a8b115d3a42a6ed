from prefect import flow
from some_library import decorate, registry

found = registry["daily"]


@decorate
@flow
def outside(a: int = 1):
    pass


@flow
@decorate
def inside(a: int = 1):
    pass


@flow(name=registry.name, description=registry.text, version=registry.version)
def options(a: int = 1):
    pass


@flow(**registry.options)
def spread(a: int = 1):
    pass


@flow
def foreign(kind: registry.Kind = registry.DEFAULT, other: registry.Kind = None, needed: registry.Kind = ...):
    pass
