"""The open prompt, against prompts that behave badly."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from piragua.gluster import session as session_module
from piragua.gluster.child import Child, Unanswered
from piragua.gluster.session import Session, typed
from tests.support.fake_gluster import POOL, FakeGluster
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

LATE_SECONDS = 0.3
INFO = ("volume", "info", "gv0")
WRITE = ("volume", "quota", "gv0", "limit-usage", "/x", "1")

Open = Callable[[FakeGluster], Session]


def never_stuck(child: Child) -> None:
    raise AssertionError("a prompt outlived its kill")


@pytest.fixture
async def open_session() -> AsyncIterator[Open]:
    sessions: list[Session] = []

    def make(gluster: FakeGluster) -> Session:
        sessions.append(Session((gluster.program,), on_stuck=never_stuck, proof_seconds=1))
        return sessions[-1]

    yield make
    for session in sessions:
        await session.aclose()


@pytest.fixture
def no_distrust(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that failed may be used again at once."""
    monkeypatch.setattr(session_module, "_FIRST_DISTRUST_SECONDS", 0.0)


async def ask(session: Session, *argv: str, timeout_seconds: float = PATIENCE_SECONDS) -> bytes | None:
    output = await session.ask(argv, timeout_seconds=timeout_seconds)
    return output.stdout if output else None


async def test_many_commands_share_one_process(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path, 'volume*) ok "<was>$2</was>" ;;')
    session = open_session(gluster)

    answers = [await ask(session, "volume", "info", f"gv{number}") for number in range(5)]

    assert [f"<was>volume info gv{number}</was>".encode() in (answers[number] or b"") for number in range(5)] == [
        True
    ] * 5
    assert len(gluster.prompts) == 1


async def test_commands_at_once_get_their_own_answers(tmp_path: Path, open_session: Open) -> None:
    session = open_session(FakeGluster(tmp_path, 'volume*) ok "<was>$2</was>" ;;'))

    answers = await asyncio.gather(*(ask(session, "volume", "info", f"gv{number}") for number in range(8)))

    assert all(f"gv{number}<".encode() in (answer or b"") for number, answer in enumerate(answers))


async def test_what_is_printed_beside_an_answer_belongs_to_it(tmp_path: Path, open_session: Open) -> None:
    session = open_session(FakeGluster(tmp_path, "*bad) echo 'bad: gone' >&2; ok '' ;;"))

    bad = await session.ask(("volume", "bad"), timeout_seconds=PATIENCE_SECONDS)
    good = await session.ask(INFO, timeout_seconds=PATIENCE_SECONDS)

    assert bad is not None
    assert bad.stderr == b"bad: gone\n"
    assert good is not None
    assert good.stderr == b""


@pytest.mark.parametrize(
    "argv",
    [
        ("volume", "info", "a b"),
        ("volume", "info", "a\nvolume delete gv0"),
        ("volume", "info", "a\rb"),
        ("volume", "info", "'a"),
        ("volume", "info", '"'),
        ("volume", "info", "a\\"),
        ("volume", "info", ""),
        ("volume", "info", "\0"),
        ("volume", "info", "\u00e9"),
        ("volume", "info", "--help"),
        ("volume", "info", "a;b"),
        ("volume", "info", "a" * 500),
    ],
)
async def test_words_that_a_line_could_break_are_never_typed(
    argv: tuple[str, ...], tmp_path: Path, open_session: Open
) -> None:
    gluster = FakeGluster(tmp_path)

    assert typed(argv) is None
    assert await open_session(gluster).ask(argv, timeout_seconds=PATIENCE_SECONDS) is None
    assert gluster.said == []


async def test_a_command_without_an_answer_has_an_unknown_outcome(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path, "*limit-usage*) sleep 1000 ;;")

    with pytest.raises(Unanswered) as late:
        await ask(open_session(gluster), *WRITE, timeout_seconds=LATE_SECONDS)

    assert not late.value.died
    assert gluster.said == [f"typed {' '.join(WRITE)}"]
    with pytest.raises(ProcessLookupError):
        os.kill(gluster.prompts[0], 0)


@pytest.mark.parametrize(
    "last_words",
    [
        "exit 1",
        "echo '<cliOutput><opRet>0</opRet>'; exit 0",
        "echo 'unrecognized word: volume (position 0)'; exit 1",
        "kill -9 $$",
    ],
)
async def test_a_prompt_that_ends_under_a_command_leaves_it_unknown(
    last_words: str, tmp_path: Path, open_session: Open
) -> None:
    session = open_session(FakeGluster(tmp_path, f"*limit-usage*) {last_words} ;;"))

    with pytest.raises(Unanswered) as ended:
        await ask(session, *WRITE)

    assert ended.value.died


@pytest.mark.usefixtures("no_distrust")
async def test_a_prompt_that_died_between_commands_is_opened_again(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path)
    session = open_session(gluster)
    await ask(session, *INFO)

    os.kill(gluster.prompts[0], signal.SIGKILL)
    answers = [await ask(session, *INFO) for _ in range(2)]

    assert answers[-1] is not None
    assert len(gluster.prompts) == 2


async def test_a_prompt_that_answers_nothing_any_more_is_not_told_the_command(
    tmp_path: Path, open_session: Open
) -> None:
    """As an open prompt of glusterfs 10.3 does while glusterd is down."""
    gluster = FakeGluster(tmp_path, f"'pool list') [ -e down ] && sleep 1000; ok '{POOL}' ;;")
    session = open_session(gluster)
    await ask(session, *INFO)

    (tmp_path / "down").touch()

    assert await ask(session, *WRITE) is None
    assert gluster.said == [f"typed {' '.join(INFO)}"]


async def test_after_a_failure_no_prompt_is_tried_for_a_while(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path, "'pool list') exit 1 ;;")
    session = open_session(gluster)

    assert [await ask(session, *INFO) for _ in range(4)] == [None] * 4
    assert len(gluster.prompts) == 1


@pytest.mark.usefixtures("no_distrust")
async def test_garbage_after_an_answer_is_not_taken_for_the_next_one(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(
        tmp_path, "*odd) ok '<odd/>'; sleep 0.2; ok '<stale/>'; sleep 0.2 ;; volume*) ok '<info/>' ;;"
    )
    session = open_session(gluster)
    await ask(session, "volume", "odd")

    answers = [await ask(session, *INFO) for _ in range(3)]

    assert answers[-1] is not None
    assert all(b"<info/>" in answer for answer in answers if answer is not None)


@pytest.mark.usefixtures("no_distrust")
async def test_the_answer_to_a_cancelled_command_is_not_taken_for_the_next_one(
    tmp_path: Path, open_session: Open
) -> None:
    gluster = FakeGluster(tmp_path, "*slow) sleep 0.2; ok '<slow/>' ;;")
    session = open_session(gluster)
    slow = asyncio.create_task(ask(session, "volume", "slow"))
    await until(lambda: bool(gluster.said))

    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    answer = await ask(session, *INFO)

    assert answer is not None
    assert b"slow" not in answer


async def test_a_listing_that_takes_long_does_not_hold_up_others(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path, "*slow) while [ ! -e go ]; do sleep 0.05; done; ok '' ;;")
    session = open_session(gluster)
    slow = asyncio.create_task(ask(session, "volume", "slow"))

    await until(lambda: bool(gluster.said))
    assert await ask(session, *INFO) is None  # to be asked another way

    (tmp_path / "go").touch()
    assert await slow is not None


async def test_a_closed_session_has_no_process(tmp_path: Path, open_session: Open) -> None:
    gluster = FakeGluster(tmp_path)
    session = open_session(gluster)
    await ask(session, *INFO)

    await session.aclose()

    with pytest.raises(ProcessLookupError):
        os.kill(gluster.prompts[0], 0)
