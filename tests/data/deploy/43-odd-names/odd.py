from prefect import flow


@flow
def c43_odd():
    pass


@flow(name="c43 with, a: 'name' [x]")
def c43_spaced():
    pass
