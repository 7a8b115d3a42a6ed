from prefect import flow, task


@flow
def daily_report(day: str = "today"):
    return day


@flow(name="With a name")
def weekly_report():
    pass


def plain(x: int):
    return x


@task
def step(x: int):
    return x


async def asynchronous():
    pass


class Reports:
    @flow
    def monthly(self, month: int):
        pass

    def helper(self):
        pass


NUMBER = 4
made = list(map(str, [1]))
