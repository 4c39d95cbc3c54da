"""Pictures inside tar files, also where only `tf.io.gfile` reads (here `ram://`): the pixels of the same files."""

import io
import tarfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasfast as kf
from kerasfast.vision.pipeline.single import validation_pixels
from kerasfast.vision.sources.decoding.decode import ImageError

FORMS = ("JPEG", "PNG")


def coded(number, form="JPEG"):
    pixels = np.random.default_rng(number).integers(0, 255, (24 + number, 40, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def write_shard(path, members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(buffer.getvalue())


def samples_of(numbers):
    members = {}
    for number in numbers:
        members[f"a/{number:03d}.{('jpg', 'png')[number % 2]}"] = coded(number, FORMS[number % 2])
        members[f"a/{number:03d}.cls"] = str((2, 10)[number % 3 == 0]).encode()
    return members


@pytest.fixture(scope="module")
def shards():
    for part in range(2):
        write_shard(f"ram://shards/train-{part}.tar", samples_of(range(part * 6, part * 6 + 6)))
    write_shard("ram://shards/test.tar", {"x.jpg": coded(1), "y.jpg": coded(2), "notes.txt": b"no picture"})
    return "ram://shards"


def test_pictures_of_a_remote_shard_have_the_pixels_of_files(shards, tmp_path):
    data = kf.ImageData.from_shards(
        f"{shards}/train-*.tar", test=f"{shards}/test.tar", transforms=kf.Transforms(16), batch_size=4, path=tmp_path
    )
    assert data.classes == ("2", "10") and len(data.train) + len(data.valid) == 12
    files = {
        file: target for view in (data.train, data.valid) for file, target in zip(view.files, view.targets, strict=True)
    }
    assert sorted(files)[0] == "train-0.tar/a/000.jpg" and files["train-0.tar/a/000.jpg"] == 1
    pixels = np.concatenate([batch[0].numpy() for batch in data.valid.dataset()])
    for one, name in zip(pixels, data.valid.files, strict=True):
        number = int(name[-7:-4])
        same = validation_pixels(coded(number, FORMS[number % 2]), kf.Transforms(16))
        assert np.abs(one.astype(int) - np.asarray(same).astype(int)).max() <= 1
    assert data.test.files.tolist() == ["test.tar/x.jpg", "test.tar/y.jpg"] and data.test.targets is None
    assert len(set(data.train.samples.content_keys())) == len(data.train)
    assert data.fold(0, 3).valid.samples.broken() == {}


def test_what_cannot_be_used_is_named(shards, tmp_path):
    with pytest.raises(FileNotFoundError, match="`train` names no tar files: .*absent-"):
        kf.ImageData.from_shards(f"{shards}/absent-*.tar", path=tmp_path)
    with pytest.raises(ValueError, match=r"pictures without a class: 'x', 'y' lack a member .cls"):
        kf.ImageData.from_shards(f"{shards}/test.tar", path=tmp_path)
    broken = samples_of(range(9)) | {"a/020.jpg": coded(3)[:200], "a/020.cls": b"2"}
    write_shard(f"{shards}/broken.tar", broken)
    with pytest.raises(ImageError, match=r"broken.tar/a/020.jpg"):
        kf.ImageData.from_shards(f"{shards}/broken.tar", path=tmp_path)
    data = kf.ImageData.from_shards(f"{shards}/broken.tar", path=tmp_path, on_error="skip")
    assert list(data.source.skipped) == ["broken.tar/a/020.jpg"] and len(data.train) + len(data.valid) == 9
    (tmp_path / "text.tar").write_text("no tar file at all")
    with pytest.raises(ValueError, match=r"text.tar is no uncompressed tar file"):
        kf.ImageData.from_shards(tmp_path / "text.tar", path=tmp_path)
