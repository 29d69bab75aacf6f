"""Runs a program in a terminal of its own and types lines when it asks for them.

    typed.py COMMAND "WORDS TO WAIT FOR: WHAT IS TYPED" ...

Prints everything that the terminal showed.
"""

import os
import pty
import select
import shlex
import signal
import sys
import time

command, steps = shlex.split(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
shown, after, patience = b"", 0, time.monotonic() + 120
while time.monotonic() < patience:
    if steps:
        words, typed = steps[0].split(": ", 1)
        place = shown.find(words.encode() + b": ", after)
        if place >= 0:
            after = len(shown)
            os.write(terminal, typed.encode() + b"\n")
            steps.pop(0)
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if ready:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
else:
    os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.exit(len(steps))
