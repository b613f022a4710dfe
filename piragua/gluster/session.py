"""A `gluster` prompt that is kept open: each command typed into it saves the start of a process.

glusterfs 10.3 behaviour: `gluster --mode=script --xml` answers every line that it reads with one
<cliOutput> document. When glusterd is away it waits for up to 120 s instead of saying so.
"""

import asyncio
import re
from collections.abc import Callable, Sequence

from piragua.gluster.child import Child, NotStarted, Output, Unanswered, start

_END_OF_ANSWER = b"\n</cliOutput>\n"
_HARMLESS_QUESTION = "pool list"  # 0.3 ms, takes no lock and asks no other peer
_HARMLESS_ANSWER = b"<peerStatus"
_PLAIN_WORD = re.compile(r"[A-Za-z0-9/_.:][A-Za-z0-9/_.:-]*")
_LONGEST_LINE = 500  # the prompt reads lines into a small buffer of its own
_FIRST_DISTRUST_SECONDS = 5.0
_LONGEST_DISTRUST_SECONDS = 300.0


def typed(argv: Sequence[str]) -> str | None:
    """The line that means argv at the prompt; None when that would not be certain."""
    line = " ".join(argv)
    plain = all(_PLAIN_WORD.fullmatch(word) for word in argv)
    return line if plain and len(line) <= _LONGEST_LINE else None


class Session:
    """One command at a time through one open prompt.

    A prompt is used only after it has just answered a harmless question, and is killed on anything
    unexpected. After a failure the session stays out of use for a while, longer each time.

    command starts the prompt. proof_seconds bounds the harmless question and the wait for another
    command's end, kill_seconds the wait for a killed prompt; on_stuck gets one that is still there.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        on_stuck: Callable[[Child], None],
        proof_seconds: float = 2.0,
        kill_seconds: float = 5.0,
    ) -> None:
        self._command = tuple(command)
        self._on_stuck = on_stuck
        self._proof_seconds = proof_seconds
        self._kill_seconds = kill_seconds
        self._lock = asyncio.Lock()
        self._child: Child | None = None
        self._ended = False
        self._distrust_seconds = _FIRST_DISTRUST_SECONDS
        self._distrusted_until = 0.0

    async def ask(self, argv: Sequence[str], *, timeout_seconds: float) -> Output | None:
        """The answer to argv; None when it was not asked, and can safely be asked some other way.

        Unanswered: it was typed and no answer came within timeout_seconds, or the prompt ended.
        """
        line = typed(argv)
        if line is None or asyncio.get_running_loop().time() < self._distrusted_until:
            return None
        try:
            async with asyncio.timeout(self._proof_seconds):
                await self._lock.acquire()
        except TimeoutError:
            return None
        try:
            if self._ended or not await self._proven():
                return None
            output = await self._exchange(line, timeout_seconds)
            self._distrust_seconds = _FIRST_DISTRUST_SECONDS
            return output
        except Unanswered:
            self._distrust()
            raise
        finally:
            self._lock.release()

    async def end(self) -> None:
        """Kill the prompt for good: nothing is asked through this session any more."""
        self._ended = True
        await self.aclose()

    async def aclose(self) -> None:
        """Kill the prompt, also under a command that is still unanswered."""
        child, self._child = self._child, None
        if child is not None and not await child.end(self._kill_seconds):
            self._on_stuck(child)

    async def _proven(self) -> bool:
        """Whether a prompt is open now that has just answered."""
        if self._child is not None and self._child.exited:
            await self.aclose()
        try:
            if self._child is None:
                self._child = await start(self._command, interactive=True)
            if self._ended:  # meanwhile
                await self.aclose()
                return False
            output = await self._exchange(_HARMLESS_QUESTION, self._proof_seconds)
        except (NotStarted, Unanswered):
            self._distrust()
            return False
        if _HARMLESS_ANSWER in output.stdout:
            return True
        # Something that nobody asked for was on its way: the answers may be out of step.
        self._distrust()
        await self.aclose()
        return False

    async def _exchange(self, line: str, timeout_seconds: float) -> Output:
        child = self._child
        if child is None:
            raise Unanswered("the session was closed", died=True)
        answered = False
        try:
            child.stderr.clear()
            child.write(line)
            async with asyncio.timeout(timeout_seconds):
                await child.until(
                    lambda: child.stdout.endswith(_END_OF_ANSWER) or child.exited or child.overflowed
                )
            answered = child.stdout.endswith(_END_OF_ANSWER)
        except TimeoutError:
            raise Unanswered(f"no answer within {timeout_seconds:g} s") from None
        finally:
            # Also when the caller is cancelled: a late answer must never be taken for the next one's.
            if not answered:
                await self.aclose()
        if not answered:
            raise Unanswered("the session ended without an answer", died=True)
        output = Output(bytes(child.stdout), bytes(child.stderr))
        child.stdout.clear()
        return output

    def _distrust(self) -> None:
        self._distrusted_until = asyncio.get_running_loop().time() + self._distrust_seconds
        self._distrust_seconds = min(self._distrust_seconds * 2, _LONGEST_DISTRUST_SECONDS)
