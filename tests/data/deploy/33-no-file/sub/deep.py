from prefect import flow


@flow(description="From the decorator")
def c33_deep():
    pass
