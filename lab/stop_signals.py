"""Ctrl-C, SIGTERM and SIGHUP for programs that have to take down what they booted."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or sent SIGTERM or SIGHUP."""


def raise_on_stop_signals() -> None:
    """From now on the first of the signals raises Stopped in the main thread; those after it are ignored."""
    for signum in SIGNALS:
        signal.signal(signum, _stop)


def ignore_stop_signals() -> None:
    """From now on none of the signals interrupts: whoever is impatient still gets everything taken down."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _stop(signum: int, _frame: object) -> None:
    ignore_stop_signals()
    raise Stopped(signal.strsignal(signum))
