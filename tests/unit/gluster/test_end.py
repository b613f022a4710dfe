"""An end in the middle of a question: a loop that ends while a program is being started would wait for ever."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine import wait_until
from tests.support.fake_gluster import FakeGluster

PATIENCE_SECONDS = 30
PROGRAM = """
import asyncio, sys
from piragua.errors import GlusterError
from piragua.gluster.gluster import Gluster

async def main():
    gluster = Gluster(program=sys.argv[1])
    # As the topology asks: in a task of its own that nobody cancels.
    asking = asyncio.create_task(gluster.peers())
    asking.add_done_callback(lambda task: task.cancelled() or task.exception())
    for _ in range(int(sys.argv[2])):
        await asyncio.sleep(0)
    await gluster.aclose()
    try:
        await gluster.volume("gv0")
    except GlusterError as error:
        print(error)

asyncio.run(main())
"""


@pytest.mark.parametrize("steps", [*range(9), 40])
def test_it_is_an_end_at_every_step_of_the_start(steps: int, tmp_path: Path) -> None:
    gluster = FakeGluster(tmp_path)
    argv = [sys.executable, "-c", PROGRAM, gluster.program, str(steps)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (ended.returncode, ended.stdout) == (0, "gluster volume info gv0: this instance is being stopped\n")
    assert "Traceback" not in ended.stderr
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in gluster.prompts), "no prompt", 10)
