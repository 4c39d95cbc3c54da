"""Files that appear complete or not at all."""

import pytest

from kerasfast.files import atomic_path


def test_atomic_path_removes_what_an_error_left(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), atomic_path(tmp_path / "file") as unfinished:
        unfinished.write_text("half")
        raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="no folder"), atomic_path(tmp_path / "nowhere" / "file"):
        pass


def test_atomic_path_keeps_the_ending_and_replaces_the_old_file(tmp_path):
    target = tmp_path / "picture.png"
    target.write_text("old")
    with atomic_path(target) as unfinished:
        assert unfinished.suffix == ".png" and unfinished.parent == tmp_path
        unfinished.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new" and [*tmp_path.iterdir()] == [target]
