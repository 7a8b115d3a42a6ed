#!/usr/bin/env python3
"""What Prefect makes of schedules, as tables for the tests beside this file.

    python tables.py items > items.json
    python tables.py times > times.json                       (Python 3.13 or newer)
    python tables.py older times.json > times-older.json      (Python 3.11)

in an environment with prefect 3.9.1 and PYTHONTZPATH empty, so that time zones come from the package tzdata. Servers on Python 3.13 and newer count intervals with `whenever`, older ones with
`pendulum`; the last table has the rows in which they differ.
"""

import asyncio
import datetime
import itertools
import json
import sys
import warnings
from types import SimpleNamespace

from prefect._internal.schemas import validators
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.cli.deploy._schedules import _construct_schedules
from prefect.client.schemas import schedules as client_schedules
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.server.schemas import actions, schedules

NOW = datetime.datetime(2026, 6, 15, 10, 20, 30, 123456, tzinfo=datetime.timezone.utc)


def main():
    warnings.simplefilter("ignore")
    rows = {"items": items, "times": times, "older": older}[sys.argv[1]]()
    print("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")


# --- what is sent and stored -----------------------------------------------------------------------------------------


def items():
    freeze()
    for item in ITEMS:
        yield {"item": item, **outcome(item)}


def freeze():
    class Frozen(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW.astimezone(tz)

    validators.datetime = SimpleNamespace(
        datetime=Frozen, timezone=datetime.timezone, timedelta=datetime.timedelta
    )
    client_schedules.now = lambda zone: NOW


def outcome(item):
    """The way of an item through `prefect deploy`."""
    try:
        model = PrefectYamlModel.model_validate({"deployments": [{"name": "d", "schedules": [item]}]})
        config = model.deployments[0].model_dump(exclude_unset=True, mode="json")
        built = _construct_schedules(config, {}, console=None, is_interactive=lambda: False)
        created = DeploymentScheduleCreate(**built[0])
        create = created.model_dump(mode="json")
        stored = actions.DeploymentScheduleCreate.model_validate(create).model_dump(mode="json")
        update = created.model_dump(mode="json", exclude_unset=True)
        return {"create": create, "update": update, "stored": stored["schedule"]}
    except Exception as error:
        return {"error": " ".join(str(error).split())[:200]}


ITEMS = [
    {"cron": "0 4 * * *"},
    {"cron": "0 4 * * *", "timezone": "Europe/Madrid", "day_or": False, "active": False, "slug": "s"},
    {"cron": "0 4 * * *", "timezone": "Etc/GMT+4", "parameters": {"a": [1, None], "b": {"c": "d"}}},
    {"cron": "0 4 * * *", "active": "false", "day_or": "no"},
    {"cron": "0 4 * * *", "active": 1, "day_or": 0},
    {"cron": "0 4 * * *", "active": "maybe"},
    {"cron": "0 4 * * *", "day_or": "perhaps"},
    {"cron": "0 4 * * *", "slug": "new", "replaces": "old"},
    {"cron": "0 4 * * *", "parameters": {}},
    {"cron": "0 4 * * *", "timezone": None, "slug": None, "active": None, "anchor_date": None},
    {"cron": "  0 4 * * *  "},
    {"cron": "@daily"},
    {"cron": "@DAILY", "timezone": "UTC"},
    {"cron": "@reboot"},
    {"cron": "@daily "},
    {"cron": "0 0 4 * * 30"},
    {"cron": "0 0 4 * * * 2030"},
    {"cron": "0 0 l * *"},
    {"cron": "0 0 L * *"},
    {"cron": "0 9 * * MON-FRI"},
    {"cron": "0 9 * jan,Mar MON#2"},
    {"cron": "0 9 * * l5"},
    {"cron": "0 9 * * 5l"},
    {"cron": "0 9 15w * *"},
    {"cron": "0 9 ? * ?"},
    {"cron": "? 9 * * *"},
    {"cron": "61 4 * * *"},
    {"cron": "0 24 * * *"},
    {"cron": "0 0 0 * *"},
    {"cron": "0 0 32 * *"},
    {"cron": "0 0 * 13 *"},
    {"cron": "0 0 * 0 *"},
    {"cron": "0 0 * * 8"},
    {"cron": "0 0 * * 7"},
    {"cron": "* * * *"},
    {"cron": "* * * * * * * *"},
    {"cron": ""},
    {"cron": "   "},
    {"cron": "every day"},
    {"cron": "*/0 * * * *"},
    {"cron": "*/-5 * * * *"},
    {"cron": "*/99 * * * *"},
    {"cron": "5-1 * * * *"},
    {"cron": "1-5/2,7,9-11 * * * *"},
    {"cron": "1,,2 * * * *"},
    {"cron": "-1 * * * *"},
    {"cron": "1-2-3 * * * *"},
    {"cron": "H * * * *"},
    {"cron": "0 0 * * mon,tue#1"},
    {"cron": "0 0 * * mon#6"},
    {"cron": "0 0 * * foo"},
    {"cron": "0 0 1-31 * 1"},
    {"cron": "0 0 * jan-jan *"},
    {"cron": 5},
    {"cron": True},
    {"cron": ["0 4 * * *"]},
    {"cron": "0 4 * * *", "timezone": "Mars/Olympus"},
    {"cron": "0 4 * * *", "timezone": "europe/madrid"},
    {"cron": "0 4 * * *", "timezone": 5},
    {"cron": "0 4 * * *", "tz": "UTC"},
    {"cron": "0 4 * * *", "interval": 60},
    {"cron": "0 4 * * *", "rrule": "FREQ=DAILY"},
    {"cron": "0 4 * * *", "interval": None},
    {"timezone": "UTC"},
    {},
    {"cron": "0 4 * * *", "slug": 5},
    {"cron": "0 4 * * *", "parameters": [1]},
    {"cron": "0 4 * * *", "parameters": "x"},
    {"cron": "0 4 * * *", "catchup": False},
    "0 4 * * *",
    5,
    None,
    ["0 4 * * *"],
    {"schedule": {"cron": "0 4 * * *"}},
    {"interval": 60},
    {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"},
    {"interval": 3600, "anchor_date": "2026-01-01", "timezone": "Asia/Tokyo", "slug": "hourly", "active": True},
    {"interval": 3600, "anchor_date": "2026-01-01T08:00:00-05:00"},
    {"interval": 3600, "anchor_date": "2026-01-01T08:00:00.5+05:30", "timezone": "America/New_York"},
    {"interval": 3600, "anchor_date": "2026-01-01 08:00:00"},
    {"interval": 3600, "anchor_date": "yesterday-ish"},
    {"interval": 3600, "anchor_date": "2026-02-30"},
    {"interval": 3600, "anchor_date": 20260101},
    {"interval": 1200.5},
    {"interval": 0.000001},
    {"interval": "PT1H"},
    {"interval": "PT1H30M"},
    {"interval": "01:30:00"},
    {"interval": "1 day, 02:00:00"},
    {"interval": "P1D"},
    {"interval": "P2W"},
    {"interval": 0},
    {"interval": -5},
    {"interval": "PT0S"},
    {"interval": "-PT5M"},
    {"interval": 1e15},
    {"interval": "an hour"},
    {"interval": [60]},
    {"interval": 60, "timezone": "Mars/Olympus"},
    {"interval": 60, "parameters": {"n": 1}},
    {"rrule": "FREQ=DAILY"},
    {"rrule": "FREQ=DAILY", "timezone": "Europe/Madrid", "slug": "r", "active": False},
    {"rrule": "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9"},
    {"rrule": "freq=monthly;byday=-1fr"},
    {"rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=500"},
    {"rrule": "DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY"},
    {"rrule": "DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY;UNTIL=20301231T000000Z"},
    {"rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;UNTIL=20301231T000000Z"},
    {"rrule": "DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY;UNTIL=20301231T000000"},
    {"rrule": "FREQ=DAILY;UNTIL=20301231T000000Z"},
    {"rrule": "FREQ=DAILY;UNTIL=20301231"},
    {"rrule": "FREQ=MINUTELY;INTERVAL=7"},
    {"rrule": "FREQ=MINUTELY;INTERVAL=7", "timezone": "America/New_York"},
    {"rrule": "FREQ=SECONDLY;INTERVAL=30", "timezone": "Asia/Kathmandu"},
    {"rrule": "FREQ=MINUTELY;COUNT=90000000"},
    {"rrule": "FREQ=HOURLY;INTERVAL=5"},
    {"rrule": "RRULE:FREQ=DAILY\nEXDATE:20260702T000000,20260703T000000"},
    {"rrule": "RDATE:20260701T120000\nRDATE:20260801T120000"},
    {"rrule": "RRULE:FREQ=DAILY\nRRULE:FREQ=MONTHLY;BYHOUR=12"},
    {"rrule": "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU"},
    {"rrule": '{"rrule": "FREQ=DAILY", "timezone": "Asia/Tokyo"}'},
    {"rrule": '{"rrule": "FREQ=DAILY", "timezone": "Asia/Tokyo"}', "timezone": "Europe/Madrid"},
    {"rrule": '{"rrule": "FREQ=DAILY"}'},
    {"rrule": '{"rule": "FREQ=DAILY"}'},
    {"rrule": "[1]"},
    {"rrule": "FREQ=SOMETIMES"},
    {"rrule": "FREQ=DAILY;BYHOUR=25"},
    {"rrule": "FREQ=DAILY;BYDAY=XX"},
    {"rrule": "FREQ=DAILY;BYDAY="},
    {"rrule": "FREQ=DAILY;INTERVAL=x"},
    {"rrule": "FREQ=DAILY;"},
    {"rrule": "FREQ=DAILY;BYWEEK=1"},
    {"rrule": "COUNT=3"},
    {"rrule": ""},
    {"rrule": "every day"},
    {"rrule": "FREQ=DAILY", "timezone": "Mars/Olympus"},
    {"rrule": "RRULE:FREQ=DAILY\nEXDATE:" + ",".join(["20260702T000000"] * 500)},
    {"rrule": {"freq": "DAILY"}},
    {"rrule": 5},
    # Where ours differs, see prefect.rs.
    {"cron": "0 0 4 * * *"},
    {"cron": "0 0 30 2 *"},
    {"cron": "0 0 15 * mon#1"},
    {"cron": "R(0-5) * * * *"},
    {"cron": "0 4 * * *", "timezone": ""},
    {"cron": "0 4 * * *", "timezone": "Factory"},
    {"cron": "0 4 * * *", "parameters": None},
    {"cron": "0 4 * * *", "max_active_runs": None},
    {"cron": "0 4 * * *", "max_scheduled_runs": 5, "slug": "s"},
    {"interval": "P1M"},
    {"interval": "P1Y"},
    {"interval": "90"},
    {"interval": True},
    {"rrule": "FREQ=DAILY;INTERVAL=0"},
    {"rrule": "FREQ=DAILY;INTERVAL=-1"},
    {"rrule": "FREQ=DAILY;COUNT=0"},
    {"rrule": "FREQ=MONTHLY;BYMONTHDAY=32"},
    {"rrule": "FREQ=HOURLY;BYHOUR=25"},
    {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
    {"rrule": "EXDATE:20260702T000000"},
]


# --- when it fires ---------------------------------------------------------------------------------------------------


def times():
    for spec, zone, start, n in cases():
        row = {**spec, "timezone": zone, "after": start, "n": n}
        try:
            schedule = build(spec, zone)
            after = datetime.datetime.fromisoformat(start)
            row["times"] = [date.isoformat() for date in asyncio.run(schedule.get_dates(n, after))]
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {error}"[:100]
        yield row


def older():
    with open(sys.argv[2]) as file:
        newer = json.load(file)
    return (row for row, other in zip(times(), newer, strict=True) if row != other)


def build(spec, zone):
    if "cron" in spec:
        return schedules.CronSchedule(timezone=zone, **spec)
    if "interval" in spec:
        return schedules.IntervalSchedule(timezone=zone, **spec)
    return schedules.RRuleSchedule(timezone=zone, **spec)


# A zone and moments around which its clock changes.
PLACES = [
    ("UTC", ["2026-01-31T23:59:30+00:00", "2028-02-28T00:00:00+00:00"]),
    ("America/New_York", [
        "2026-03-07T12:00:00+00:00", "2026-03-08T06:30:00+00:00", "2026-03-08T07:10:00+00:00",
        "2026-10-31T12:00:00+00:00", "2026-11-01T05:30:00+00:00", "2026-11-01T06:15:00+00:00",
    ]),
    ("Europe/Madrid", ["2026-03-29T00:59:59+00:00", "2026-10-25T00:20:00.500000+00:00"]),
    ("Australia/Lord_Howe", ["2026-04-04T14:45:00+00:00", "2026-10-03T15:20:00+00:00"]),
    ("America/Sao_Paulo", ["2018-11-03T20:00:00+00:00", "2018-02-17T23:30:00+00:00"]),
    ("Pacific/Apia", ["2011-12-29T08:00:00+00:00"]),
    ("Asia/Kathmandu", ["2026-06-15T10:20:30+00:00"]),
    ("Etc/GMT+4", ["2026-12-31T23:59:59+00:00"]),
]

CRONS = [
    "* * * * *", "*/5 * * * *", "*/7 * * * *", "3/10 * * * *", "59/5 * * * *", "0 * * * *", "30 * * * *",
    "0 */2 * * *", "15,45 */3 * * *", "0 0 * * *", "30 2 * * *", "30 1 * * *", "0 3 * * *", "15 0-4 * * *",
    "0 9 * * 1-5", "0 9 * * mon-fri", "0 9 * * 0", "0 9 * * 7", "0 9 * * sat-mon", "0 9 * * 5-1/2", "0 0 1 * *",
    "0 0 31 * *", "0 0 29 2 *", "0 0 l * *", "0 0 1,l * *", "0 0 1,30 * *", "0 0 15-l * *", "0 12 13 * 5",
    "0 12 1-31 * 5", "0 12 */2 * 1", "0 12 * */3 *", "0 12 1 jan,jul *", "0 12 1 nov-feb *", "0 0 * * 2#1",
    "0 0 * * mon#5", "0 0 * * l5", "0 0 * * 5#2,l5", "0 0 * * mon-wed#1", "0 0 1 * mon#1", "@hourly", "@daily",
    "@weekly", "@monthly", "@yearly", "0 0 ? * ?", "23 0-20/2 * * *", "5 4 * * sun", "0 22 * * 1-5", "0 0,12 1 */2 *",
    "0 4 8-14 * *", "*/30 1-3 * * *", "0 0 10-5 * *", "0 0 1 5-3/4 *", "* 2 * * *", "0 1 * * * 30", "*/20 2 * * * 0,30",
    "0 0 1 1 * 0 2030-2040", "0 0 30 2 *", "0 0 15 * mon#1",
]

INTERVALS = [1, 30, 3600, 5400, 7200, 43200, 86400, 90000, 129600, 172800, 604800, 2592000, 0.5, 86401, 31536000]
ANCHORS = [
    "2026-01-01T00:00:00Z", "2025-03-08T02:30:00-05:00", "2025-11-01T01:30:00-04:00", "2027-06-01T12:00:00Z",
    "1999-12-31T23:59:59Z", "2026-03-29T02:30:00+01:00",
]

RRULES = [
    "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "FREQ=DAILY;BYHOUR=1,13;BYMINUTE=0,30",
    "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;BYMONTHDAY=1,15,-1", "FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=MO(+2)", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "FREQ=MONTHLY;BYSETPOS=1,-1;BYDAY=SA,SU;BYHOUR=6,18", "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=YEARLY;BYYEARDAY=1,100,-1", "FREQ=YEARLY;BYWEEKNO=1,20,53",
    "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;WKST=SU", "FREQ=YEARLY;BYDAY=20MO,-1FR",
    "FREQ=YEARLY;BYMONTH=3,11;BYDAY=2SU,1SU", "FREQ=YEARLY;BYEASTER=0,-2,39", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
    "FREQ=YEARLY;BYSETPOS=5;BYDAY=MO;BYHOUR=3", "FREQ=HOURLY", "FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;BYHOUR=9,10,17",
    "DTSTART:20260101T000000\nRRULE:FREQ=HOURLY;INTERVAL=6;BYHOUR=6,18", "FREQ=HOURLY;BYDAY=MO;BYMINUTE=15", "FREQ=HOURLY;INTERVAL=7;BYMONTH=6",
    "FREQ=MINUTELY;INTERVAL=15;BYHOUR=1,2,3", "FREQ=MINUTELY;INTERVAL=7;BYMINUTE=0,30", "FREQ=MINUTELY;INTERVAL=45;BYDAY=SU",
    "DTSTART:20260601T000000\nRRULE:FREQ=SECONDLY;INTERVAL=40", "DTSTART:20260601T000000\nFREQ=SECONDLY;INTERVAL=11;BYSECOND=0,30;BYMINUTE=0,1,2,3;BYHOUR=5",
    "FREQ=DAILY;BYMONTH=1,7;BYDAY=MO", "FREQ=DAILY;BYSETPOS=2,-1;BYHOUR=8,12,16;BYMINUTE=0,30", "FREQ=DAILY;BYYEARDAY=200;BYHOUR=4",
    "FREQ=WEEKLY;BYWEEKNO=10,44", "FREQ=WEEKLY;BYSETPOS=1;BYDAY=FR,MO", "FREQ=WEEKLY;INTERVAL=53", "FREQ=DAILY;INTERVAL=400",
    "DTSTART:20260301T023000\nFREQ=DAILY", "DTSTART:20251026T013000\nFREQ=HOURLY;INTERVAL=24",
    "DTSTART:20260101T083000Z\nRRULE:FREQ=WEEKLY;BYDAY=TH", "DTSTART;TZID=Asia/Tokyo:20260101T083000\nRRULE:FREQ=WEEKLY",
    "DTSTART:20260131\nFREQ=MONTHLY;COUNT=9", "DTSTART:20260228T120000\nRRULE:FREQ=DAILY;COUNT=400;INTERVAL=2",
    "FREQ=DAILY;UNTIL=20260310T120000", "FREQ=DAILY;UNTIL=20250101", "FREQ=DAILY;UNTIL=20301231T000000Z", "FREQ=DAILY;COUNT=3",
    "RRULE:FREQ=DAILY;BYHOUR=6\nRRULE:FREQ=WEEKLY;BYDAY=SU;BYHOUR=5", "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU,MO",
    "RRULE:FREQ=DAILY\nEXDATE:20260308T000000,20260309T000000,20261102T000000", "RDATE:20260401T100000,20270101T000000\nRDATE:20260309T020000",
    "RRULE:FREQ=MONTHLY\nRDATE:20260308T023000\nEXDATE:20260401T000000", "FREQ=MONTHLY;BYDAY=MO,1TU", "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
    "RRULE:FREQ=DAILY;BYHOUR=1;BYMINUTE=30\nRRULE:FREQ=DAILY;BYHOUR=1;BYMINUTE=30",
]


def cases():
    for cron in CRONS:
        for zone, starts in PLACES:
            for start in starts:
                yield {"cron": cron}, zone, start, 4
    for cron in ["0 12 13 * 5", "0 12 1-7 * 1", "0 0 15 * mon#3", "0 0 l * 5", "0 0 */5 * */2"]:
        for zone, start in [("UTC", "2026-01-31T23:59:30+00:00"), ("America/New_York", "2026-03-08T06:30:00+00:00")]:
            yield {"cron": cron, "day_or": False}, zone, start, 4
    for zone in ["America/Los_Angeles", "Africa/Casablanca", "Asia/Tehran", "Antarctica/Troll", "America/Nuuk", "US/Eastern", "GB"]:
        for month in (3, 10, 11):
            yield {"cron": "*/30 0-3 * * *"}, zone, f"2026-{month:02}-28T21:00:00+00:00", 12
    for interval, anchor in itertools.product(INTERVALS, ANCHORS):
        for zone, start in [
            ("UTC", "2026-01-31T23:59:30+00:00"),
            ("America/New_York", "2026-03-08T06:30:00+00:00"),
            ("America/New_York", "2026-11-01T05:30:00+00:00"),
            ("Europe/Madrid", "2026-03-28T22:00:00+00:00"),
            ("Australia/Lord_Howe", "2026-04-04T14:45:00+00:00"),
        ]:
            yield {"interval": interval, "anchor_date": anchor}, zone, start, 3
    for rrule in RRULES:
        for zone, start in [
            ("UTC", "2026-01-31T23:59:30+00:00"),
            ("America/New_York", "2026-03-07T12:00:00+00:00"),
            ("America/New_York", "2026-11-01T05:30:00+00:00"),
            ("Europe/Madrid", "2026-03-29T00:59:59+00:00"),
            ("Australia/Lord_Howe", "2026-10-03T15:20:00+00:00"),
        ]:
            yield {"rrule": rrule}, zone, start, 4


if __name__ == "__main__":
    main()
