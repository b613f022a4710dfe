"""When certificates expire, against what OpenSSL says of them."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from piragua.status.certificate import Unreadable, expires

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a certificate of its own with that kind of key, good for so many days."""

    def made(name: str, days: int, *key: str) -> Path:
        path = tmp_path / f"{name}.pem"
        argv = ["openssl", "req", "-x509", "-newkey", *(key or ("rsa:2048",)), "-nodes", "-days", str(days)]
        subject = f"/C=DE/O={'x' * 60}/CN={name}"
        files = ["-keyout", str(tmp_path / f"{name}.key"), "-out", str(path)]
        subprocess.run([*argv, "-subj", subject, *files], check=True, capture_output=True)
        return path

    return made


def told_by_openssl(path: Path) -> datetime:
    said = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-enddate"], check=True, capture_output=True, text=True
    ).stdout
    return datetime.strptime(said.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


@pytest.mark.parametrize("key", [("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")], ids=["rsa", "ec"])
@pytest.mark.parametrize("days", [1, 365, 20_000], ids=["a day", "a year", "after 2049"])
def test_it_is_what_openssl_says(make: Make, days: int, key: tuple[str, ...]) -> None:
    path = make("one", days, *key)
    assert expires(path) == told_by_openssl(path)


def test_of_a_chain_the_first_to_expire_counts(make: Make, tmp_path: Path) -> None:
    long, short = make("long", 100), make("short", 10)
    chain = tmp_path / "chain.pem"
    chain.write_text(f"A comment\n{long.read_text()}\n{short.read_text()}")
    assert expires(chain) == told_by_openssl(short)


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_what_is_no_certificate_is_said_to_be_none(make: Make, tmp_path: Path, cut: int) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n" + "MIIB" * (cut // 4) + "\n-----END CERTIFICATE-----\n")
    with pytest.raises(Unreadable):
        expires(broken)
    broken.write_text("no certificate")
    with pytest.raises(Unreadable):
        expires(broken)
