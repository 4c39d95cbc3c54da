"""Files that appear complete or not at all, and what killed processes leave."""

import errno
import io
import os
import pathlib
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from kerasfast.basics import files
from kerasfast.basics.files import (
    atomic_folder,
    atomic_path,
    made_folder,
    read_arrays,
    sweep,
    unfinished_beside,
    writable_folder,
)


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
        assert unfinished.name.startswith(".kerasfast-")
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
from kerasfast.basics.files import atomic_path
with atomic_path(pathlib.Path({target!r})) as unfinished:
    unfinished.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_at_the_next_write(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED.format(target=str(tmp_path / "model.h5"))], check=False)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half" and left.name.startswith(".kerasfast-")
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


def test_a_folder_appears_complete_or_not_at_all(tmp_path):
    def fill(fail):
        with atomic_folder(tmp_path / "set") as unfinished:
            (unfinished / "a").write_text("a")
            assert not (tmp_path / "set").exists()
            if fail:
                raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fill(True)
    assert not list(tmp_path.iterdir())
    fill(False)
    assert [file.name for file in tmp_path.rglob("*")] == ["set", "a"]


def test_temporary_folders_of_killed_processes_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    program = "import os, signal\nfrom kerasfast.basics.files import temporary_folder\n"
    program += "with temporary_folder() as folder:\n (folder / 'a').touch()\n os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    files.sweep_once.cache_clear()
    with files.temporary_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_with_the_need(tmp_path):
    def write(problem, **size):
        with atomic_path(tmp_path / "rows.npz", **size) as unfinished:
            unfinished.write_text("half")
            raise OSError(problem, "raw")

    with pytest.raises(
        OSError, match=r"rows.npz could not be written: the disk is full. It needs 1,234 bytes"
    ) as error:
        write(errno.ENOSPC, size=1234)
    assert error.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="the quota is used up. It needs more than the 4 bytes that were written"):
        write(errno.EDQUOT)


def test_a_disk_that_can_only_be_read_is_named_with_what_to_do(tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    message = r"a.txt could not be written: .* can only be read .Read-only.* another folder"
    with pytest.raises(OSError, match=message), atomic_path(tmp_path / "a.txt"):
        refused()
    with pytest.raises(IsADirectoryError, match="a.txt'$"), atomic_path(tmp_path / "a.txt") as unfinished:
        raise IsADirectoryError(errno.EISDIR, "Is a directory", os.fspath(unfinished))
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "mkdir", refused)
        with pytest.raises(OSError, match=r"models could not be written: .* can only be read"):
            made_folder(tmp_path / "models")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        with pytest.raises(PermissionError, match="can only be read"):
            writable_folder(tmp_path / "a")
    assert writable_folder(tmp_path / "a" / "b").is_dir() and list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_arrays_come_back_as_they_were_saved(tmp_path, rng):
    arrays = {
        "keys": np.array(["a", "bc"]), "rows": rng.random((2, 3, 4)).astype(np.float16),
        "turned": np.asfortranarray(rng.random((3, 2))), "one": np.float32(2), "none": np.zeros((0, 4)),
    }  # fmt: skip
    np.savez(tmp_path / "rows.npz", **arrays)
    received = read_arrays(tmp_path / "rows.npz")
    assert received.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(received[name], array)
        assert received[name].dtype == np.asarray(array).dtype


def damaged(tmp_path, what):
    file, rows = tmp_path / "rows.npz", np.zeros((1000, 1000), np.float32)
    if what == "compressed":  # 4 MB in 4 kB: a bomb is a thousand times that
        np.savez_compressed(file, rows=rows)
    elif what == "objects":
        np.savez(file, rows=np.array([{}, []], dtype=object))
    elif what == "cut":
        np.savez(file, rows=rows)
        file.write_bytes(file.read_bytes()[:-1000])
    elif what == "empty":
        file.write_bytes(b"")
    elif what == "moved":  # the directory of the archive would begin before the file
        np.savez(file, rows=rows[0])
        file.write_bytes(file.read_bytes()[3000:])
    else:
        with zipfile.ZipFile(file, "w") as bundle:
            stream = io.BytesIO()
            np.save(stream, np.zeros(10, np.float32))
            bundle.writestr("rows.npy", stream.getvalue().replace(b"(10,)", b"(10000000000,)"))
    return file


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("compressed", "'rows.npy' is compressed"),
        ("objects", "Python objects"),
        ("cut", "damaged"),
        ("empty", "damaged"),
        ("moved", "damaged"),
        ("huge", "rows.npz cannot be read as arrays"),
    ],
)
def test_files_that_are_no_arrays_or_ask_for_more_memory_than_they_hold_are_refused(tmp_path, what, message):
    with pytest.raises(ValueError, match=message):
        read_arrays(damaged(tmp_path, what))
