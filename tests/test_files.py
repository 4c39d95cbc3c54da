"""Files that appear complete or not at all, and what killed processes leave."""

import errno
import os
import subprocess
import sys
import time

import pytest

from kerasfast import files
from kerasfast.files import atomic_path, is_unfinished, sweep, unfinished_beside


def test_atomic_path_removes_what_an_error_left(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), atomic_path(tmp_path / "file") as unfinished:
        unfinished.write_text("half")
        raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="no folder"), atomic_path(tmp_path / "nowhere" / "file"):
        pass


@pytest.mark.parametrize("name", ["picture.png", "cycle.weights.h5", "table", "x" * 251 + ".csv", "a.b" * 80 + ".npz"])
def test_atomic_path_keeps_the_ending_and_replaces_the_old_file(tmp_path, name):
    target = tmp_path / name
    target.write_text("old")
    with atomic_path(target) as unfinished:
        assert unfinished.suffix == target.suffix and unfinished.parent == tmp_path
        assert is_unfinished(unfinished.name) and unfinished.name.startswith(".")
        unfinished.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new" and [*tmp_path.iterdir()] == [target]


def test_content_is_on_the_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: done.append("fsync") or fsync(number))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replace") or replace(*paths))
    with atomic_path(tmp_path / "file") as unfinished:
        unfinished.write_text("all")
    assert done == ["fsync", "replace"]


KILLED = """
import os, pathlib, signal
from kerasfast.files import atomic_path
with atomic_path(pathlib.Path({target!r})) as unfinished:
    unfinished.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_at_the_next_write(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED.format(target=str(tmp_path / "model.h5"))], check=False)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half" and is_unfinished(left.name)
    with atomic_path(tmp_path / "other.h5") as unfinished:
        assert not left.exists()
        unfinished.write_text("all")
    assert [file.name for file in tmp_path.iterdir()] == ["other.h5"]


def test_what_others_are_writing_stays(tmp_path):
    mine = unfinished_beside(tmp_path / "a.csv")
    another = tmp_path / mine.name.replace(files._host(), "0f0f0f")
    foreign = tmp_path / ".hidden"
    for file in (mine, another, foreign):
        file.write_text("half")
    assert sweep(tmp_path) == []
    old = time.time() - 2 * 24 * 3600
    os.utime(another, (old, old))
    assert sweep(tmp_path) == [another] and mine.exists() and foreign.exists()


def test_a_full_disk_is_named_with_the_need(tmp_path):
    with pytest.raises(OSError, match=r"rows.npz could not be written: the disk is full. It needs 1,234 bytes") as error:
        with atomic_path(tmp_path / "rows.npz", size=1234) as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="the quota is used up. It needs more than the 4 bytes that were written"):
        with atomic_path(tmp_path / "rows.npz") as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
