"""Runs a program on a terminal of its own and talks with it.

    converse.py '[["what to wait for", "what to type"], ...]' PROGRAM ARGUMENT...

Prints what the terminal showed; ends with the program's exit code (128 + n for signal n), or 90 when the program ended or
was silent for a minute while something, or its end, was waited for.
"""

import json
import os
import pty
import select
import sys
import termios
import time

steps, arguments = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(arguments[0], arguments)

shown = b""
silent = False


def read():
    """More of what is shown; false at its end, or when nothing comes for a minute."""
    global shown, silent
    if not select.select([terminal], [], [], 60)[0]:
        silent = True
        return False
    try:
        more = os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return False
    shown += more
    sys.stdout.buffer.write(more)
    return bool(more)


def listens():
    """Waits until the terminal no longer shows what is typed: what comes before a secret is read is thrown away."""
    until = time.monotonic() + 2
    while time.monotonic() < until and termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.005)


seen = 0
for wanted, typed in steps:
    while (at := shown.find(wanted.encode(), seen)) < 0:
        if not read():
            print(f"\nended or silent; wanted {wanted!r}")
            sys.exit(90)
    seen = at + len(wanted)
    if typed:
        listens()
        os.write(terminal, typed.encode())
while read():
    pass
if silent:
    # It waits for something that nobody is going to type.
    os.kill(child, 9)
    print("\nsilent; wanted its end")
    sys.exit(90)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
