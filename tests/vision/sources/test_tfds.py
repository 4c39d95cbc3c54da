"""TensorFlow Datasets as a source: pictures written once, labels in sorted order, clear errors."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision.sources.decoding.decode import ImageError, open_image
from kerasfast.vision.sources.tfds import MARKER, tfds_source

tfds = pytest.importorskip("tensorflow_datasets")

# Not in alphabetical order: the source sorts them.
NAMES = ["zebra", "ant", "mole"]
COUNTS = {"train": 9, "test": 3, "unlabelled": 2}


def encoded(index, form="JPEG"):
    file = io.BytesIO()
    Image.new("RGB", (10 + index, 8), (20 * index, 90, 200)).save(file, form)
    return file.getvalue()


class Beasts(tfds.core.GeneratorBasedBuilder):
    """Nine training, three test and two unlabelled pictures."""

    __module__ = "beasts"  # 4.9.7 looks for its files in the package of its module, which fails for a folder of tests
    VERSION = tfds.core.Version("1.2.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(),
                    "label": tfds.features.ClassLabel(names=NAMES),
                    "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=NAMES)),
                    "weight": tfds.features.Scalar(np.float32),
                    "box": tfds.features.Tensor(shape=(2,), dtype=np.float32),
                    "number": tfds.features.Scalar(np.int64),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in COUNTS}

    def _generate_examples(self, split):
        for index in range(COUNTS[split]):
            label = -1 if split == "unlabelled" else index % 3
            yield (
                index,
                {
                    "image": io.BytesIO(encoded(index, "PNG" if index == 1 else "JPEG")),
                    "label": label,
                    "tags": sorted({index % 3, 0}),
                    "weight": index / 2,
                    "box": [index, index + 1],
                    "number": index,
                },
            )


def prepare(builder):
    config = tfds.download.DownloadConfig(register_checksums=False, manual_dir=None, try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    return builder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare(Beasts(data_dir=tmp_path_factory.mktemp("prepared")))


def index_of(source, file):
    """Return the number that an example was made from, which its width tells."""
    return Image.open(source.root / file).width - 10


def test_pictures_are_copied_byte_for_byte_with_sorted_classes(builder, tmp_path):
    source = tfds_source(builder, tmp_path)
    assert (source.target_kind, source.classes) == ("single", ("ant", "mole", "zebra"))
    assert (len(source.train), len(source.valid), source.test) == (9, 3, None)
    assert source.root == tmp_path / "beasts-1.2.0"
    for part in (source.train, source.valid):
        for file, target in zip(part.files, part.targets, strict=True):
            index = index_of(source, file)
            assert source.classes[target] == NAMES[index % 3]
            assert (source.root / file).read_bytes() == encoded(index, "PNG" if index == 1 else "JPEG")
            assert file.endswith(".png" if index == 1 else ".jpg")
    assert source.train.targets.dtype == np.int64
    assert open_image(source.root / source.train.files[0]).shape[2] == 3


def test_written_pictures_are_used_again(builder, tmp_path, monkeypatch):
    first = tfds_source(builder, tmp_path)
    times = {file: (first.root / file).stat().st_mtime_ns for file in first.train.files}
    monkeypatch.setattr(builder, "as_dataset", lambda **_: pytest.fail("read the records again"))
    again = tfds_source(builder, tmp_path)
    assert again.train.files.tolist() == first.train.files.tolist()
    np.testing.assert_array_equal(again.train.targets, first.train.targets)
    assert times == {file: (again.root / file).stat().st_mtime_ns for file in again.train.files}


def test_a_failed_writing_leaves_no_half_folder(builder, tmp_path, monkeypatch):
    read = builder.as_dataset
    monkeypatch.setattr("kerasfast.vision.sources.tfds.np.asarray", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tfds_source(builder, tmp_path)
    monkeypatch.undo()
    assert list((tmp_path / "beasts-1.2.0").iterdir()) == []
    assert builder.as_dataset == read
    assert len(tfds_source(builder, tmp_path).train) == 9


def test_slices_of_a_split_are_kept_apart(builder, tmp_path):
    percent = tfds_source(builder, tmp_path, train="train[:66%]", valid="train[66%:]")
    whole = tfds_source(builder, tmp_path, train="train[:3]", valid="train[3:]")
    three = tfds_source(builder, tmp_path, train="train[:3]", valid="test[:3]")
    assert [len(part) for part in (percent.train, percent.valid, whole.train, three.valid)] == [6, 3, 3, 3]
    seen = {index_of(percent, file) for file in [*percent.train.files, *percent.valid.files]}
    assert seen == set(range(9))


def test_a_sequence_of_classes_gives_tags(builder, tmp_path):
    source = tfds_source(builder, tmp_path, label="tags")
    assert (source.target_kind, source.classes) == ("multi", ("ant", "mole", "zebra"))
    assert source.train.targets.dtype == np.float32
    for file, row in zip(source.train.files, source.train.targets, strict=True):
        expected = {NAMES[index_of(source, file) % 3], "zebra"}
        assert {name for name, value in zip(source.classes, row, strict=True) if value} == expected


@pytest.mark.parametrize(
    ("label", "names", "row"),
    [("weight", ("weight",), lambda index: index / 2), ("box", ("box_0", "box_1"), lambda index: [index, index + 1])],
)
def test_floats_give_regression(builder, tmp_path, label, names, row):
    source = tfds_source(builder, tmp_path, label=label)
    assert (source.target_kind, source.classes) == ("regression", names)
    assert source.train.targets.dtype == np.float32
    assert source.train.targets.tolist() == [row(index_of(source, file)) for file in source.train.files]


def test_a_test_split_may_have_labels_or_none(builder, tmp_path):
    slices = {"train": "train[:6]", "valid": "train[6:]"}
    assert tfds_source(builder, tmp_path, test="unlabelled", **slices).test.targets is None
    labelled = tfds_source(builder, tmp_path, test="test", **slices).test
    assert sorted(labelled.targets.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"valid": "validation"}, "has no split 'validation', only 'test', 'train', 'unlabelled'"),
        ({"train": 3}, "has no split 3"),
        ({"valid": "train"}, "'train' and validation 'train' share examples"),
        ({"train": "train[:5]", "valid": "train[4:]"}, r"'train\[:5\]' and validation 'train\[4:\]' share examples"),
        ({"train": "train[:0]"}, r"'train\[:0\]' set has no pictures"),
        ({"valid": "unlabelled"}, "'unlabelled' has 2 pictures without a class"),
        ({"image": "picture"}, "no feature 'picture', only 'box', 'image', 'label'.*pass `image`"),
        ({"label": "class"}, "no feature 'class'.*pass `label`"),
        ({"image": "label"}, "'label' is no picture"),
        ({"label": "number"}, "'number' must be a ClassLabel"),
        ({"on_error": "ignore"}, "`on_error` must be one of 'raise', 'skip'"),
    ],
)
def test_unusable_arguments_are_refused(builder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        tfds_source(builder, tmp_path, **options)


def test_only_a_prepared_builder_is_accepted(tmp_path):
    with pytest.raises(ValueError, match=r"'beasts' is not prepared: call `builder.download_and_prepare\(\)`"):
        tfds_source(Beasts(data_dir=tmp_path / "nothing"), tmp_path)
    with pytest.raises(ValueError, match=r"tfds.builder\('name'\)`; received 'beasts'"):
        tfds_source("beasts", tmp_path)


def test_a_missing_library_says_what_to_install(builder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasfast\[tfds\]'"):
        tfds_source(builder, tmp_path)


def test_a_folder_with_something_else_is_refused(builder, tmp_path):
    source = tfds_source(builder, tmp_path)
    with pytest.raises(FileExistsError, match="'label': 'label'.*not the requested .*'label': 'weight'"):
        tfds_source(builder, tmp_path, label="weight")
    (source.root / source.train.files[2]).unlink()
    with pytest.raises(FileExistsError, match="lacks 1 picture: '000002"):
        tfds_source(builder, tmp_path)
    (source.root / "train" / MARKER).unlink()
    with pytest.raises(FileExistsError, match="was not written by kerasfast"):
        tfds_source(builder, tmp_path)


def test_broken_pictures_are_named_or_left_out(builder, tmp_path):
    source = tfds_source(builder, tmp_path)
    broken = str(source.train.files[4])
    (source.root / broken).write_bytes(b"no picture")
    with pytest.raises(ImageError) as error:
        tfds_source(builder, tmp_path)
    assert list(error.value.problems) == [broken]
    again = tfds_source(builder, tmp_path, on_error="skip")
    assert list(again.skipped) == [broken]
    assert len(again.train) == 8
