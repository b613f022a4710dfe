"""A `gluster` program for tests: a shell script that says what a test wants it to."""

from pathlib import Path

PEER = "78d232b0-9b6b-4a6f-939e-bd6b32587754"
POOL = f"<peerStatus><peer><uuid>{PEER}</uuid><hostname>localhost</hostname></peer></peerStatus>"

SCRIPT = """#!/bin/sh
answer() {{
    printf '<cliOutput>\\n<opRet>%s</opRet><opErrno>%s</opErrno><opErrstr>%s</opErrstr>%s' "$@"
    printf '\\n</cliOutput>\\n'
}}
ok() {{ answer 0 0 '' "$1"; }}
busy() {{ answer -1 30802 'Another transaction is in progress for gv0.' ''; }}
say() {{
    echo "$1 $2" >> {folder}/said
    case "$2" in
{cases}
    'pool list') ok '{pool}' ;;
    *) ok '' ;;
    esac
}}
cd {folder}
while :; do case "$1" in --*) shift ;; *) break ;; esac; done
if [ $# -gt 0 ]; then say once "$*"; exit 0; fi
echo $$ >> prompts
echo "Welcome to gluster prompt, type 'help' to see the available commands." >&2
while read -r line; do say typed "$line"; done
"""


class FakeGluster:
    """Answers `pool list` with one peer, and everything else with plain success, but for `cases`.

    cases: branches of a shell `case` over the command's words; they can use `ok XML`, `busy` and
    `answer OPRET OPERRNO OPERRSTR XML`, and `$1`, which is "once" or "typed". The working folder
    is the fake's own.
    """

    def __init__(self, folder: Path, cases: str = "") -> None:
        self.folder = folder
        self.program = str(folder / "gluster")
        Path(self.program).write_text(SCRIPT.format(folder=folder, cases=cases, pool=POOL))
        Path(self.program).chmod(0o755)

    @property
    def said(self) -> list[str]:
        """Every command that got here, after the way it came ("once" or "typed"); no harmless questions."""
        file = self.folder / "said"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line != "typed pool list"]

    @property
    def prompts(self) -> list[int]:
        """The pids of all prompts that were opened."""
        file = self.folder / "prompts"
        return [int(line) for line in file.read_text().split()] if file.exists() else []
