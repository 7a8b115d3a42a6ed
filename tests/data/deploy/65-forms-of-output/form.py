from prefect import flow


@flow
def c65_form(n: int = 1):
    """Make a form."""
