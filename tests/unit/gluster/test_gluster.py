"""Questions to Gluster in domain words, on a fake program: retries, order, unknown outcomes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from piragua.errors import GlusterBusy, GlusterError, GlusterTimeout, GlusterUnavailable, NoSuchGlusterVolume
from piragua.gluster.gluster import Gluster
from tests.support.fake_gluster import POOL, FakeGluster
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

ONE = "/3a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a11"
TWO = "/5a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a12"
QUOTA = "volume quota gv0"
BUSY_TWICE = "echo x >> tries; [ $(wc -l < tries) -gt 2 ] && ok '' || busy"
NO_DATA = f"removexattr failed on /var/run/gluster/gv0_quota_limit{ONE}. Reason : No data available"
NO_RECORD = "gfid 3a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a11 not found in store"


def limit_xml(path: str, hard_limit: str) -> str:
    return f"<volQuota><limit><path>{path}</path><hard_limit>{hard_limit}</hard_limit></limit></volQuota>"


Make = Callable[..., tuple[Gluster, FakeGluster]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """A Gluster on a fake program that has these cases."""
    made: list[Gluster] = []

    def fake(
        cases: str = "",
        timeout_seconds: float = PATIENCE_SECONDS,
        retry_seconds: float = PATIENCE_SECONDS,
        queue_seconds: float = PATIENCE_SECONDS,
    ) -> tuple[Gluster, FakeGluster]:
        program = FakeGluster(tmp_path, cases)
        made.append(Gluster(None, program.program, timeout_seconds, retry_seconds, queue_seconds))
        return made[-1], program

    yield fake
    for gluster in made:
        await gluster.aclose()


async def test_a_limit_is_set_by_one_command(make: Make) -> None:
    gluster, program = make()

    await gluster.set_limit("gv0", ONE, 2**30)

    assert program.said == [f"typed {QUOTA} limit-usage {ONE} 1073741824"]


@pytest.mark.parametrize("path", ["/", "/*", "/x", "", ONE[1:], f"{ONE}/x", f"{ONE}\n", ONE.upper(), f"{ONE} 1"])
async def test_a_path_that_is_no_volume_is_never_limited(path: str, make: Make) -> None:
    gluster, program = make()

    for attempt in (
        gluster.set_limit("gv0", path, 1),
        gluster.remove_limit("gv0", path),
        gluster.limit("gv0", path),
    ):
        with pytest.raises(ValueError, match="not the directory of a volume"):
            await attempt

    assert program.said == []


@pytest.mark.parametrize("size_bytes", [0, -1, 2**63])
async def test_a_size_that_gluster_cannot_keep_is_refused(size_bytes: int, make: Make) -> None:
    gluster, program = make()

    with pytest.raises(ValueError, match="bytes"):
        await gluster.set_limit("gv0", ONE, size_bytes)

    assert program.said == []


@pytest.mark.parametrize("name", ["", "all", "--help", "a b", "gv0\nvolume stop gv0", "../x"])
async def test_a_name_that_no_gluster_volume_has_never_gets_to_the_program(name: str, make: Make) -> None:
    gluster, program = make()

    with pytest.raises(NoSuchGlusterVolume):
        await gluster.volume(name)

    assert program.said == []


async def test_a_busy_gluster_is_tried_again(make: Make) -> None:
    gluster, program = make(f"*limit-usage*) {BUSY_TWICE} ;;")

    await gluster.set_limit("gv0", ONE, 1)

    assert len(program.said) == 3


async def test_a_gluster_that_stays_busy_is_given_up(make: Make) -> None:
    gluster, program = make("*limit-usage*) busy ;;", retry_seconds=0.2)

    with pytest.raises(GlusterBusy):
        await gluster.set_limit("gv0", ONE, 1)

    assert len(program.said) > 1


async def test_a_final_refusal_is_not_tried_again(make: Make) -> None:
    gluster, program = make(
        "*limit-usage*) answer -2 30800 'Failed to get trusted.gfid attribute on path /x' '' ;;"
    )

    with pytest.raises(GlusterError, match=r"trusted\.gfid"):
        await gluster.set_limit("gv0", ONE, 1)

    assert len(program.said) == 1


async def test_quota_commands_of_one_volume_run_one_at_a_time_in_order(make: Make) -> None:
    gluster, program = make("*limit-usage*) mkdir running || exit 9; sleep 0.02; rmdir running; ok '' ;;")

    await asyncio.gather(*(gluster.set_limit("gv0", ONE, size_bytes) for size_bytes in range(1, 9)))

    assert [int(line.split()[-1]) for line in program.said] == list(range(1, 9))


async def test_questions_do_not_wait_behind_changes(make: Make, tmp_path: Path) -> None:
    listing = limit_xml(ONE, "5")
    gluster, program = make(
        f"*limit-usage*) while [ ! -e go ]; do sleep 0.05; done; ok '' ;; '{QUOTA} list') ok '{listing}' ;;"
    )
    change = asyncio.create_task(gluster.set_limit("gv0", ONE, 1))
    await until(lambda: bool(program.said))
    assert len(await gluster.peers()) == 1
    assert await gluster.limits("gv0") == {ONE: 5}

    assert not change.done()
    (tmp_path / "go").touch()
    await change


async def test_a_turn_that_never_comes_is_busy(make: Make, tmp_path: Path) -> None:
    gluster, program = make("*limit-usage*) while [ ! -e go ]; do sleep 0.05; done; ok '' ;;", queue_seconds=0.2)
    first = asyncio.create_task(gluster.set_limit("gv0", ONE, 1))
    await until(lambda: bool(program.said))

    with pytest.raises(GlusterBusy):
        await gluster.set_limit("gv0", TWO, 1)

    assert len(program.said) == 1
    (tmp_path / "go").touch()
    await first


@pytest.mark.parametrize("trouble", ["sleep 1000", "exit 1"])
async def test_a_change_without_an_answer_is_unknown_and_never_repeated(trouble: str, make: Make) -> None:
    gluster, program = make(f"*limit-usage*) {trouble} ;;", timeout_seconds=0.5)

    with pytest.raises(GlusterTimeout):
        await gluster.set_limit("gv0", ONE, 1)

    assert len(program.said) == 1


async def test_a_question_that_ended_its_prompt_is_asked_on_its_own(make: Make) -> None:
    # The first "pool list" proves the prompt, the second is the question.
    cases = f"'pool list') echo x >> tries; [ $1 = typed ] && [ $(wc -l < tries) -gt 1 ] && exit 1; ok '{POOL}' ;;"
    gluster, program = make(cases)

    assert len(await gluster.peers()) == 1
    assert program.said == ["once pool list"]


async def test_without_a_prompt_that_works_everything_still_works(make: Make) -> None:
    gluster, program = make("*) [ $1 = typed ] && exit 1; ok '' ;;")

    await gluster.set_limit("gv0", ONE, 1)
    await gluster.set_limit("gv0", ONE, 2)

    assert [line.split()[0] for line in program.said] == ["once", "once"]


async def test_removing_a_limit_that_is_not_there_is_a_success(make: Make) -> None:
    gluster, _ = make(
        f"*remove*) echo x >> tries; [ $(wc -l < tries) -gt 1 ] && answer -1 30800 '{NO_DATA}' '' || ok '' ;;"
    )

    assert await gluster.remove_limit("gv0", ONE) is True
    assert await gluster.remove_limit("gv0", ONE) is False


@pytest.mark.parametrize(("hard_limit", "removed"), [("N/A", True), ("5", False)])
async def test_a_limit_without_a_record_is_read_back(hard_limit: str, removed: bool, make: Make) -> None:
    listing = limit_xml(ONE, hard_limit)
    gluster, _ = make(f"*remove*) answer -1 30800 '{NO_RECORD}' '' ;; *list*) ok '{listing}' ;;")

    if removed:
        assert await gluster.remove_limit("gv0", ONE) is False
    else:
        with pytest.raises(GlusterError, match="not found in store"):
            await gluster.remove_limit("gv0", ONE)


@pytest.mark.parametrize(("hard_limit", "size_bytes"), [("1073741824", 2**30), ("N/A", None)])
async def test_a_limit_is_read_in_bytes(hard_limit: str, size_bytes: int | None, make: Make) -> None:
    gluster, _ = make(f"*list*) ok '{limit_xml(ONE, hard_limit)}' ;;")

    assert await gluster.limit("gv0", ONE) == size_bytes


@pytest.mark.parametrize("hard_limit", ["1073741824", "N/A"])
async def test_a_use_is_read_in_bytes_with_a_limit_and_without(hard_limit: str, make: Make) -> None:
    listing = limit_xml(ONE, hard_limit).replace("</limit>", "<used_space>2147483648</used_space></limit>")
    gluster, _ = make(f"*list*) ok '{listing}' ;;")

    assert await gluster.used_bytes("gv0", ONE) == 2**31


async def test_the_use_of_a_directory_that_is_not_there_is_not_told(make: Make) -> None:
    gluster, _ = make("*list*) ok '<volQuota/>' ;;", retry_seconds=0.1)

    with pytest.raises(GlusterError):
        await gluster.used_bytes("gv0", ONE)


async def test_a_listing_that_lost_its_mount_is_repeated(make: Make) -> None:
    """Two listings on one server at once take each other's mount away (glusterfs 10.3 behaviour)."""
    lost = f"echo '{ONE} No such file or directory' >&2; ok '<volQuota/>'"
    gluster, _ = make(
        f"*list*) echo x >> tries; [ $(wc -l < tries) -gt 2 ] && ok '{limit_xml(ONE, '5')}' || {{ {lost}; }} ;;"
    )

    assert await gluster.limit("gv0", ONE) == 5


async def test_a_directory_that_is_not_there_is_not_said_to_have_no_limit(make: Make) -> None:
    gluster, _ = make(
        f"*list*) echo '{ONE} No such file or directory' >&2; ok '<volQuota/>' ;;", retry_seconds=0.1
    )

    with pytest.raises(GlusterError, match="No such file"):
        await gluster.limit("gv0", ONE)


async def test_no_limits_at_all_is_an_empty_answer(make: Make) -> None:
    gluster, _ = make("*list*) answer -1 0 'No quota configured on volume gv0' '' ;;")

    assert await gluster.limits("gv0") == {}


@pytest.mark.parametrize(
    "listing",
    ["ok '<volQuota/>'", f"echo '{TWO} gone' >&2; ok '{limit_xml(ONE, '5')}'", "exit 1"],
    ids=["empty", "with complaints", "nothing (a stale last record)"],
)
async def test_an_incomplete_listing_is_never_given_out(listing: str, make: Make) -> None:
    gluster, _ = make(f"*list*) {listing} ;;", retry_seconds=0.1)

    with pytest.raises(GlusterError):
        await gluster.limits("gv0")


async def test_heals_cannot_be_told_while_a_brick_is_silent(make: Make) -> None:
    recording = (Path(__file__).parent / "recorded" / "heal_info_brick_down.xml").read_text()
    gluster, program = make("*heal*) cat heal.xml ;;")
    (program.folder / "heal.xml").write_text(recording)

    with pytest.raises(GlusterError, match=r"10\.77\.0\.3"):
        await gluster.heal_pending("gv0")


async def test_what_keeps_no_second_copy_has_nothing_to_heal(make: Make) -> None:
    gluster, program = make("*heal*) cat heal.xml ;;")
    recording = (Path(__file__).parent / "recorded" / "heal_info_distribute.xml").read_text()
    (program.folder / "heal.xml").write_text(recording)

    assert await gluster.heal_pending("gv0") == frozenset()


async def test_the_working_directory_is_a_path_or_an_error(make: Make, tmp_path: Path) -> None:
    gluster, _ = make("'system:: getwd') cat getwd ;;")
    (tmp_path / "getwd").write_text("/var/lib/glusterd\n")
    assert await gluster.working_directory() == "/var/lib/glusterd"

    (tmp_path / "getwd").write_text("what?\n")
    with pytest.raises(GlusterError):
        await gluster.working_directory()


async def test_a_program_that_is_missing_is_unavailable() -> None:
    with pytest.raises(GlusterUnavailable, match="No such file"):
        await Gluster(program="/nowhere/gluster").peers()


async def test_the_socket_gets_to_the_program(tmp_path: Path) -> None:
    script = tmp_path / "gluster"
    script.write_text('#!/bin/sh\necho "$@"\n')
    script.chmod(0o755)

    with pytest.raises(GlusterError, match=r"--glusterd-sock=/run/other\.socket"):
        await Gluster(socket="/run/other.socket", program=str(script)).heal_pending("gv0")
