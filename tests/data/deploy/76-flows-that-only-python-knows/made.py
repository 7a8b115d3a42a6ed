from prefect import flow


def make(name, count):
    def inner(n: int = count, word: str = "x"):
        """Made when the module is imported."""

    inner.__name__ = name
    return flow(name=f"c76-{name}")(inner)


FLOWS = {name: make(name, count) for count, name in enumerate(["made", "chosen", "by-name"])}
made = FLOWS["made"]
chosen = FLOWS["chosen"]
by_name = FLOWS["by-name"]
