"""What an answer of Gluster's stands for: recorded ones (glusterfs 10.3), and anything at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import (
    GlusterBusy,
    GlusterError,
    GlusterTimeout,
    GlusterUnavailable,
    NoSuchGlusterVolume,
    NoSuchLimit,
)
from piragua.gluster.answer import read, read_plain
from piragua.gluster.child import Output
from piragua.gluster.classify import LimitRecordMissing, NoLimitsAtAll, NothingHeals, classify

RECORDED = Path(__file__).parent / "recorded"
ARGV = ("volume", "quota", "gv0", "limit-usage", "/x", "1")
AUX = "/var/run/gluster/gv0_quota_limit/3a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a11"


@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        ("limit_usage_busy", GlusterBusy),
        ("limit_usage_without_directory", GlusterError),
        ("limit_usage_no_volume", NoSuchGlusterVolume),
        ("quota_remove_without_limit", NoSuchLimit),
        ("quota_list_no_limits", NoLimitsAtAll),
        ("quota_off", GlusterError),
        ("quota_volume_stopped", GlusterError),
        ("volume_info_missing", NoSuchGlusterVolume),
        ("volume_status_stopped", GlusterError),
        ("heal_info_distribute", NothingHeals),
        ("heal_info_no_volume", NoSuchGlusterVolume),
        ("heal_info_stopped", GlusterError),
    ],
)
def test_a_recorded_refusal_is_understood(recording: str, expected: type[GlusterError]) -> None:
    output = Output((RECORDED / f"{recording}.xml").read_bytes(), b"", 0)

    with pytest.raises(GlusterError) as refusal:
        read(ARGV, output)

    assert type(refusal.value) is expected


@pytest.mark.parametrize(
    ("op_errno", "op_errstr", "expected"),
    [
        (30802, "Another transaction is in progress for gv0. Please try again after some time.", GlusterBusy),
        (30802, "", GlusterBusy),
        (
            30800,
            "Locking failed on 10.77.0.2. Please check log file for details.\nLocking failed on x",
            GlusterBusy,
        ),
        (30800, f"Failed to find the directory {AUX}. Reason : Transport endpoint is not connected", GlusterBusy),
        (30800, "Failed to start aux mount", GlusterBusy),
        (30800, f"Failed to find the directory {AUX}. Reason : No such file or directory", GlusterError),
        (30800, f"removexattr failed on {AUX}. Reason : No data available", NoSuchLimit),
        (30800, f"removexattr failed on {AUX}. Reason : Transport endpoint is not connected", GlusterError),
        (30800, "gfid 3a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a11 not found in store", LimitRecordMissing),
        (30800, "Commit failed on 10.77.0.2. Please check log file for details.", GlusterError),
        (110, "Error : Request timed out", GlusterTimeout),
        (30806, "Volume does not exist", NoSuchGlusterVolume),
    ],
)
def test_the_sentence_decides(op_errno: int, op_errstr: str, expected: type[GlusterError]) -> None:
    assert type(classify(ARGV, -1, op_errno, op_errstr)) is expected


def test_success_is_no_error_whatever_else_is_said() -> None:
    assert classify(ARGV, 0, 30802, "Another transaction is in progress") is None


def test_quota_off_names_the_command_that_turns_it_on() -> None:
    error = classify(ARGV, -1, 30800, "Quota is disabled, please enable quota")

    assert "gluster volume quota gv0 enable" in str(error)


def test_a_refusal_of_several_peers_is_one_sentence() -> None:
    error = classify(ARGV, -1, 30800, "Staging failed on a.\nStaging failed on b.")

    assert error is not None
    assert error.message == "Staging failed on a. Staging failed on b."


def test_a_refusal_without_a_reason_still_says_something() -> None:
    error = classify(ARGV, -1, 30800, "")

    assert error is not None
    assert "30800" in error.message


@pytest.mark.parametrize(
    ("stdout", "stderr", "expected"),
    [
        (b"", b"Connection failed. Please check if gluster daemon is operational.\n", GlusterUnavailable),
        (b"Connection failed. Please check if gluster daemon is operational.\n", b"", GlusterUnavailable),
        (b"unrecognized word: nonsense (position 0)\n", b"", GlusterError),
        (b"Error : Request timed out\n", b"", GlusterTimeout),
        (b"", b"", GlusterError),
    ],
)
def test_plain_text_instead_of_xml_is_understood(
    stdout: bytes, stderr: bytes, expected: type[GlusterError]
) -> None:
    with pytest.raises(GlusterError) as refusal:
        read(ARGV, Output(stdout, stderr, 1))

    assert type(refusal.value) is expected
    assert refusal.value.message


def test_an_exit_status_of_0_is_not_success() -> None:
    with pytest.raises(GlusterError):
        read(ARGV, Output(b"<cliOutput><opRet>-1</opRet></cliOutput>", b"", 0))


def test_an_exit_status_that_is_not_0_is_not_failure() -> None:
    assert read(ARGV, Output(b"<cliOutput><opRet>0</opRet></cliOutput>", b"", 2)).argv == ARGV


def test_an_answer_without_a_verdict_is_not_success() -> None:
    with pytest.raises(GlusterError):
        read(ARGV, Output(b"<cliOutput></cliOutput>", b"", 0))


def test_what_is_printed_beside_the_answer_is_kept() -> None:
    output = Output(b"<cliOutput><opRet>0</opRet></cliOutput>", b"/nope No such file or directory\n", 0)

    assert read(ARGV, output).complaints == "/nope No such file or directory"


def test_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "0">]><cliOutput><opRet>&b;</opRet></cliOutput>'

    with pytest.raises(GlusterError):
        read(ARGV, Output(bomb, b"", 0))


def test_plain_output_is_judged_by_the_exit_status() -> None:
    assert read_plain(("system::", "getwd"), Output(b"/var/lib/glusterd\n", b"", 0)) == "/var/lib/glusterd"
    with pytest.raises(GlusterUnavailable):
        read_plain(
            ("system::", "getwd"),
            Output(b"", b"Connection failed. Please check if gluster daemon is operational.", 1),
        )


@given(st.binary(), st.binary(), st.booleans())
def test_arbitrary_output_is_a_gluster_error(stdout: bytes, stderr: bytes, framed: bool) -> None:
    printed = b"<cliOutput><opRet>" + stdout + b"</opRet></cliOutput>" if framed else stdout
    try:
        read(ARGV, Output(printed, stderr, 0))
    except GlusterError as error:
        assert error.message
