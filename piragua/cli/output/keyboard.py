"""A key that is pressed while something is shown."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """What waits that many seconds for a key, and returns what was pressed, or "".

    Without a terminal it only waits. The terminal is as it was afterwards.
    """
    if not sys.stdin.isatty():

        def wait(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield wait
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield partial(_pressed, descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int, seconds: float) -> str:
    """All that waits: an arrow is several characters, and what is left would hide the next key."""
    if not select.select([descriptor], [], [], seconds)[0]:
        return ""
    pressed = os.read(descriptor, 1024)
    if not pressed:  # nobody can press one any more
        time.sleep(seconds)
    return pressed.decode(errors="replace")
