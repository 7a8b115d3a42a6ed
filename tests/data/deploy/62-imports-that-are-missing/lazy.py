from prefect import flow


@flow
def c62_lazy(n: int = 1):
    import c62_not_installed

    return c62_not_installed.run(n)
