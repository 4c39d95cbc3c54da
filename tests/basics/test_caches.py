"""What kerasfast keeps beside the data: told from data, listed with sizes, and removed without touching models."""

from kerasfast.basics import caches, files
from kerasfast.basics.caches import COPIES_MARK, is_kept_by_kerasfast, kept_below


def write(path, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def test_what_was_written_is_told_from_data_by_what_is_in_it(tmp_path):
    write(tmp_path / "tmp" / "64" / COPIES_MARK)
    write(tmp_path / "tmp" / "features-0123456789abcdef01234567" / "a.npz")
    write(tmp_path / "models" / "best.weights.h5")
    write(tmp_path / "cats" / "tmp" / "1.jpg")
    (tmp_path / "empty").mkdir()
    kept = {folder.name for folder in tmp_path.iterdir() if is_kept_by_kerasfast(folder)}
    assert kept == {"tmp", "models"}
    assert not is_kept_by_kerasfast(tmp_path / "cats" / "tmp")
    write(tmp_path / "models" / "model.jpg")
    write(tmp_path / "tmp" / "1.jpg")
    assert not any(is_kept_by_kerasfast(tmp_path / name) for name in ("tmp", "models", "empty", "cats"))


def test_caches_are_listed_with_their_size_and_removed_alone(tmp_path, monkeypatch):
    write(tmp_path / "tmp" / "64" / COPIES_MARK, 5)
    write(tmp_path / "tmp" / "64" / "train" / "cats" / "1.jpg", 100)
    write(tmp_path / "tmp" / "features-0123456789abcdef01234567" / "a.npz", 300)
    picture = write(tmp_path / "train" / "cats" / "1.jpg", 1000)
    weights = write(tmp_path / "models" / "best.weights.h5", 2000)
    mine = write(files.unfinished_beside(weights), 7)
    assert [(kept.what, kept.size) for kept in kept_below(tmp_path)] == [("activations", 300), ("copies", 105)]
    monkeypatch.setattr(files, "_is_alive", lambda process: False)
    found = kept_below(tmp_path)
    assert [(kept.what, kept.size) for kept in found] == [("activations", 300), ("copies", 105), ("unfinished", 7)]
    assert all(kept.used > 1e9 for kept in found)
    for kept in found:
        kept.remove()
    assert picture.exists() and weights.exists() and not mine.exists()
    assert caches.kept_below(tmp_path) == []
