"""Runs `prefect` without Python's cyclic garbage collector.

    prefect_server.py PREFECT ARGUMENTS...

PREFECT is the program that pip installs. A server on SQLite stands still for a minute, again and again, when it has a
dozen requests at a time: its event loop collects garbage, a cursor among it, resets the cursor's statement, and waits for
the mutex of the connection. That is held by a thread which waits up to 60 s (`PRAGMA busy_timeout` of prefect 3.8.8) for
the database's write lock; and who has the write lock waits for the event loop. Seen with prefect 3.8.8, aiosqlite 0.22 and
CPython 3.11. The servers of tests do not live long enough to need the collector.
"""

import gc
import runpy
import sys

gc.disable()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
