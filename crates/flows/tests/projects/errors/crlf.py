from prefect import flow

@flow
def crlf(a: int):
    """Doc.

    Args:
        a: first
    """
