"""Adds up the orders of a file, for one region or for all: a small job with something to see."""

import csv
import json
import os
import sys
import time


def main() -> int:
    parameters = json.loads(os.environ.get("PUSHPOOL_PARAMETERS", "{}"))
    path = parameters.get("file", "orders.csv")
    region = parameters.get("region")
    try:
        with open(path, newline="") as orders:
            rows = [row for row in csv.DictReader(orders) if region in (None, row["region"])]
    except OSError as error:
        print(f"cannot read the orders: {error}", file=sys.stderr)
        return 3
    time.sleep(float(parameters.get("seconds", 0.5)))
    total = sum(float(row["amount"]) for row in rows)
    print(f"{region or 'all regions'}: {len(rows)} orders, {total:.2f} in all")
    print(f"currency {os.environ.get('CURRENCY', 'unknown')}, run {os.environ['PREFECT__FLOW_RUN_ID']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
