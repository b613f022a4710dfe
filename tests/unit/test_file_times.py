"""lab/file_times.py: what the development server starts again for."""

import os
from pathlib import Path

from lab.file_times import differing, file_times


def test_files_that_were_added_written_or_removed_differ(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    for name in ("same.py", "package/written.py", "removed.py", "resized.py"):
        (tmp_path / name).write_text("x = 1\n")
    before = file_times(tmp_path)
    (tmp_path / "added.css").touch()
    status = os.stat(tmp_path / "package/written.py")
    os.utime(tmp_path / "package/written.py", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    (tmp_path / "removed.py").unlink()
    status = os.stat(tmp_path / "resized.py")
    (tmp_path / "resized.py").write_text("x = 10\n")
    os.utime(tmp_path / "resized.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert differing(before, file_times(tmp_path)) == [
        "added.css",
        "package/written.py",
        "removed.py",
        "resized.py",
    ]


def test_caches_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / ".git").mkdir()
    before = file_times(tmp_path)
    for name in ("__pycache__/module.pyc", ".git/index", ".module.py.swp"):
        (tmp_path / name).touch()
    assert differing(before, file_times(tmp_path)) == []


def test_a_link_that_leads_nowhere_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "#module.py").symlink_to(tmp_path / "gone")
    assert file_times(tmp_path) == {}
