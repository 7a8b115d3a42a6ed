from prefect import flow


@flow
def c34_report():
    pass


@flow(name="c34-renamed")
def named_otherwise():
    pass
