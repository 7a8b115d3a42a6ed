from prefect import flow


@flow
def c69_shell(all: dict = {}):
    pass
