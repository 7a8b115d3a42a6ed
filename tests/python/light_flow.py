"""A stand-in for `prefect flow-run execute` where a test needs many runs: the same conversation with the server about
states, without the five seconds of CPU that the real one takes to start. Standard library only.

    light_flow.py NOTES SECONDS

goes to RUNNING, stays there for SECONDS, and goes to COMPLETED; writes a line of JSON to NOTES when it begins and when
it ends: {"run": ID, "at": seconds since 1970, "note": "begun" or "ended"}.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

API = os.environ["PREFECT_API_URL"]
RUN = os.environ["PREFECT__FLOW_RUN_ID"]


def set_state(state_type, name):
    """Proposes a state; what the server says about it. Retries what Prefect's client retries."""
    body = json.dumps({"state": {"type": state_type, "name": name}}).encode()
    headers = {"content-type": "application/json", "user-agent": "prefect/3.8.8 (API 0.8.4)"}
    if auth := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
    request = urllib.request.Request(f"{API}/flow_runs/{RUN}/set_state", body, headers)
    for attempt in range(60):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (408, 429, 502, 503):
                raise
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit("the server does not answer")


def note(what):
    # One write of less than a page to a file opened for appending: lines of several processes do not mix.
    with open(sys.argv[1], "ab", buffering=0) as notes:
        notes.write(json.dumps({"run": RUN, "at": time.time(), "note": what}).encode() + b"\n")


def main():
    while (verdict := set_state("RUNNING", "Running"))["status"] == "WAIT":
        time.sleep(verdict["details"]["delay_seconds"])
    if verdict["status"] != "ACCEPT":
        print("not run:", verdict)
        return
    note("begun")
    time.sleep(float(sys.argv[2]))
    note("ended")
    set_state("COMPLETED", "Completed")


main()
