"""How a command gets to `gluster`: typed into an open prompt, or run on its own when that is safer."""

from piragua.errors import GlusterTimeout, GlusterUnavailable
from piragua.gluster.answer import Answer, read, read_plain
from piragua.gluster.child import Child, NotStarted, Output, Unanswered, all_passed
from piragua.gluster.process import run
from piragua.gluster.session import Session
from piragua.gluster.watch import Watch


class CommandLine:
    """The `gluster` program, with the glusterd that it talks to and its deadline for each command.

    socket: path of glusterd's socket; None: the program's own default. watch: is told of every attempt.
    """

    def __init__(
        self,
        program: str,
        socket: str | None,
        *,
        timeout_seconds: float,
        kill_seconds: float = 5.0,
        watch: Watch | None = None,
    ) -> None:
        self._options = ("--mode=script",) + ((f"--glusterd-sock={socket}",) if socket else ())
        self._program = program
        self._timeout_seconds = timeout_seconds
        self._kill_seconds = kill_seconds
        self._watch = watch or Watch()
        self._stuck: list[Child] = []
        self._ended = False

    @property
    def stuck_processes(self) -> int:
        """How many processes were killed and are still there."""
        self._stuck = [child for child in self._stuck if not child.exited]
        return len(self._stuck)

    def open_session(self) -> Session:
        """A session on this program; its prompt starts with the first command."""
        return Session(
            (self._program, *self._options, "--xml"),
            on_stuck=self._stuck.append,
            kill_seconds=self._kill_seconds,
        )

    async def ask(
        self, argv: tuple[str, ...], *, session: Session | None = None, read_only: bool = False
    ) -> Answer:
        """The successful answer to argv, through the session if that can be trusted now.

        read_only: it may be asked once more when the prompt died of it; anything else may have
        happened and is never repeated here. GlusterTimeout: the outcome is unknown.
        GlusterUnavailable: it did not happen. Otherwise the GlusterError that the answer stands for.
        """
        with self._watch.attempt(argv):
            output = None
            if session is not None and not self._ended:
                try:
                    output = await session.ask(argv, timeout_seconds=self._timeout_seconds)
                except Unanswered as error:
                    if not (read_only and error.died):
                        raise GlusterTimeout(argv, 0, str(error)) from error
            return read(argv, output or await self._once(argv, "--xml"))

    async def ask_plain(self, argv: tuple[str, ...]) -> str:
        """What argv, a command that knows no XML, prints. Errors as for `ask`."""
        with self._watch.attempt(argv):
            return read_plain(argv, await self._once(argv))

    async def end(self) -> None:
        """No command is begun any more; returns once none is in the middle of its start or its end."""
        self._ended = True
        await all_passed(self._kill_seconds)

    async def _once(self, argv: tuple[str, ...], *options: str) -> Output:
        if self._ended:
            raise GlusterUnavailable(argv, 0, "this instance is being stopped")
        try:
            return await run(
                (self._program, *self._options, *options, *argv),
                timeout_seconds=self._timeout_seconds,
                kill_seconds=self._kill_seconds,
                on_stuck=self._stuck.append,
            )
        except NotStarted as error:
            raise GlusterUnavailable(argv, 0, str(error)) from error
        except Unanswered as error:
            raise GlusterTimeout(argv, 0, str(error)) from error
