"""`piragua check` as an administrator runs it on a Gluster server, and what it answers."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from lab.private_gluster import Node
from tests.support.instance import CHECKOUT

PRECONDITION = r"((?:\S+: )?[^:\n]+)"  # the Gluster volume's name is in front where it is about one


@dataclass(frozen=True)
class Answer:
    """What it printed and its exit status. failed: what mends it, by the precondition that does not hold."""

    status: int
    text: str

    @property
    def failed(self) -> dict[str, str]:
        found = re.findall(rf"^FAIL  {PRECONDITION}: .*\n(?:      mend it with: (.*)\n)?", self.text, re.MULTILINE)
        return {self._short(precondition): mend for precondition, mend in found}

    @property
    def held(self) -> set[str]:
        return {self._short(each) for each in re.findall(f"^ok    {PRECONDITION}: ", self.text, re.MULTILINE)}

    def _short(self, precondition: str) -> str:
        """Without the Gluster volume's name."""
        return re.sub(r"^gv\d+: ", "", precondition)


def check(
    node: Node,
    gluster_volumes: str,
    settings: Mapping[str, str | None] | None = None,
    *options: str,
    timeout_seconds: float = 60,
) -> Answer:
    """Runs it on the node with these settings; None takes one away."""
    environment: dict[str, str | None] = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "PIRAGUA_VOLUMES": gluster_volumes,
        "PIRAGUA_ADMIN_KEY": "a key",
        **(settings or {}),
    }
    env = {name: value for name, value in environment.items() if value is not None}
    with node.popen([sys.executable, "-m", "piragua", "check", *options], env, output=subprocess.PIPE) as process:
        printed = process.communicate(timeout=timeout_seconds)[0].decode()
    return Answer(process.returncode, printed)
