"""Runs a program as a job of a terminal: in the background, in the foreground, and in the background again.

    jobs.py READY PROGRAM ARGUMENT...

The program starts in the background. When it has shown READY it stays there for another second, is then brought to the
foreground for a second, stopped, and continued in the background for a second, as a shell does for `fg`, Ctrl-Z and `bg`.
Prints what the terminal showed in each of the three as a JSON object, and ends the program.
"""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

ready, arguments = sys.argv[1].encode(), sys.argv[2:]
terminal, side = pty.openpty()
fcntl.ioctl(side, termios.TIOCSWINSZ, b"\x18\x00\x78\x00\x00\x00\x00\x00")
os.setsid()
fcntl.ioctl(side, termios.TIOCSCTTY, 0)
# This process is not in the foreground while it changes who is.
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(side, os.getpgrp())


def shown(seconds, wanted=None):
    """What the terminal shows for so long, or until it has shown `wanted`."""
    text, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and (wanted is None or wanted not in text):
        if select.select([terminal], [], [], left)[0]:
            text += os.read(terminal, 65536)
    return text.decode()


program = subprocess.Popen(
    arguments, stdin=side, stdout=side, stderr=side, preexec_fn=lambda: os.setpgid(0, 0), restore_signals=True
)
try:
    background = shown(60, ready) + shown(1)
    os.tcsetpgrp(side, program.pid)
    foreground = shown(1)
    os.killpg(program.pid, signal.SIGSTOP)
    foreground += shown(0.3)
    os.tcsetpgrp(side, os.getpgrp())
    os.killpg(program.pid, signal.SIGCONT)
    again = shown(1)
finally:
    program.terminate()
    # What it says at its end has to be read, or it waits for somebody to read it.
    deadline = time.monotonic() + 30
    end = ""
    while program.poll() is None and time.monotonic() < deadline:
        end += shown(0.2)
    program.kill()
print(json.dumps({"background": background, "foreground": foreground, "again": again, "end": end, "pid": program.pid}))
