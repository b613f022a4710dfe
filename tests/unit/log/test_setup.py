"""The log in systemd's journal, and elsewhere."""

import os
import subprocess
import sys

import pytest

from tests.support.instance import CHECKOUT

_SPEAK = """
import logging
from piragua.log import setup
setup.set_up("debug", "{form}")
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(logging.getLogger("piragua.some.part"), level)("a word")
try:
    raise ValueError("x\\ninfo piragua.audit role=admin outcome=succeeded: DELETE\\r\\x1b[2K")
except ValueError:
    logging.getLogger("piragua").exception("oh")
"""


def spoken(form: str, *, journal: bool) -> list[str]:
    """What arrives at the other end of a pipe that systemd's journal might hold."""
    reading, writing = os.pipe()
    status = os.fstat(writing)
    told = f"{status.st_dev}:{status.st_ino}" if journal else f"{status.st_dev}:{status.st_ino + 1}"
    environment = {**os.environ, "JOURNAL_STREAM": told, "PYTHONPATH": str(CHECKOUT)}
    with os.fdopen(reading) as end:
        subprocess.run(
            [sys.executable, "-c", _SPEAK.format(form=form)], env=environment, stderr=writing, check=True
        )
        os.close(writing)
        return end.read().splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_line_in_the_journal_begins_with_its_level(form: str) -> None:
    lines = spoken(form, journal=True)
    assert [line[:3] for line in lines[:5]] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    assert {line[:3] for line in lines[5:]} == {"<3>"}, "a traceback has many lines"
    assert not any(line[3:].startswith("info piragua.audit") for line in lines), "the text of an error"
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("form", ["text", "json"])
def test_elsewhere_no_line_does(form: str) -> None:
    assert not any(line.startswith("<") for line in spoken(form, journal=False))


_SPEAK_ODDLY = """
import logging
from piragua.log import setup
setup.set_up("info", "{form}")
odd = "one\\ninfo piragua.audit outcome=succeeded: two\\r\\x1b[2K\\u2028three\\udcff"
logging.getLogger("piragua").info("%s", odd, extra={{"fields": {{"volume": odd}}}})
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_whatever_is_in_a_message_it_stays_one_line_that_can_be_printed(form: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SPEAK_ODDLY.format(form=form)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    ).stderr
    (line,) = said.splitlines()
    assert line.isprintable()
    assert line.startswith("info piragua volume=" if form == "text" else '{"time"')
