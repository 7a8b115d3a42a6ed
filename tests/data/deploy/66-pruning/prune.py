from prefect import flow


@flow
def c66_prune():
    pass


@flow
def c66_other():
    pass
