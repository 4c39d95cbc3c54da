import numpy as np
import pytest

import kerasfast as kf
from kerasfast.fastai.dataset import ImageClassifierData, get_cv_idxs, n_hot, open_image, split_by_idx
from kerasfast.fastai.transforms import CropType, tfms_from_model, tfms_from_stats, transforms_top_down


def test_names_files_and_numbers_are_the_courses(make_data, tmp_path):
    data = make_data()
    assert data.classes == ["blue", "red"] and (data.c, data.sz, data.bs) == (2, 16, 6)
    assert data.path == f"{tmp_path}/" or data.path == str(tmp_path)
    assert not data.is_multi and not data.is_reg
    assert data.trn_ds.fnames[0] == "train/blue/blue00.jpg" and data.val_ds.fnames[-1] == "valid/red/red04.jpg"
    assert data.test_ds.fnames == [f"test/{index}.jpg" for index in range(4)]
    assert data.val_y.tolist() == [0] * 5 + [1] * 5 and len(data.trn_y) == 24
    assert data.test_ds.y.shape == (4, 1) and not data.test_ds.y.any()


@pytest.mark.slow
def test_loaders_give_arrays_channels_last(make_data):
    data = make_data()
    assert (len(data.trn_dl), len(data.val_dl), len(data.test_dl)) == (4, 2, 1)
    x, y = next(iter(data.val_dl))
    assert isinstance(x, np.ndarray) and x.shape == (6, 16, 16, 3) and y.tolist() == [0, 0, 0, 0, 0, 1]
    x, y = next(iter(data.test_dl))
    assert len(x) == len(y) == 4
    assert data.val_dl.dataset is data.val_ds


@pytest.mark.slow
def test_an_example_is_what_the_loader_gives(make_data):
    ds = make_data().val_ds
    x, _y = next(iter(make_data().val_dl))
    np.testing.assert_array_equal(ds[2][0], x[2])
    assert (ds[2][1], ds[-1][1]) == (0, 1)
    np.testing.assert_array_equal(ds[1:4][0], x[1:4])
    shown = ds.denorm(x)
    assert shown.shape == x.shape and shown.min() >= 0 and shown.max() <= 1
    np.testing.assert_allclose(shown * 255, x, atol=1e-3)
    assert ds.denorm(x[0]).shape == (1, 16, 16, 3)
    with pytest.raises(IndexError, match="10 pictures"):
        ds[10]


@pytest.mark.slow
def test_augmentation_is_drawn_anew_at_every_look_and_by_every_data_object(make_data, backbone, pictures):
    data = make_data()
    assert (data.trn_ds[0][0] != data.trn_ds[0][0]).any()
    first, second = (next(iter(data.aug_dl))[0] for _ in range(2))
    assert (first != second).any()
    tfms = tfms_from_model(backbone, 16, aug_tfms=transforms_top_down)
    others = [next(iter(ImageClassifierData.from_paths(pictures, bs=2, tfms=tfms).aug_dl))[0] for _ in range(2)]
    assert (others[0] != others[1]).any()  # lesson 1 makes its data anew to show augmentation
    np.testing.assert_array_equal(data.fix_dl.dataset[0][0], data.fix_dl.dataset[0][0])


def test_csv_has_sorted_names_tags_and_rows_for_validation(tagged, backbone):
    tfms = tfms_from_model(backbone, 16)
    data = ImageClassifierData.from_csv(
        tagged, "all", f"{tagged}/tags.csv", tfms=tfms, suffix=".jpg", val_idxs=[0, 3], test_name="more", bs=4
    )
    assert data.is_multi and data.classes == ["blue", "red"]
    assert data.val_ds.fnames == ["all/p00.jpg", "all/p03.jpg"] and data.test_ds.fnames == ["more/x.jpg"]
    assert data.val_y.tolist() == [[1, 0], [1, 0]] and data.trn_y[1].tolist() == [1, 1]
    _x, y = next(iter(data.val_dl))
    assert list(zip(data.classes, y[0].tolist(), strict=True)) == [("blue", 1.0), ("red", 0.0)]


def test_names_and_array(pictures, backbone):
    names = [f"train/red/red{index:02d}.jpg" for index in range(5)]
    tfms = tfms_from_model(backbone, 16)
    make = lambda y, classes, **more: ImageClassifierData.from_names_and_array(
        pictures, names, y, classes, val_idxs=[1, 2], tfms=tfms, **more
    )
    data = make(np.array([0, 0, 1, 1, 0]), ["a", "b"], test_name="test")
    assert data.val_ds.fnames == names[1:3] and data.val_y.tolist() == [0, 1] and len(data.test_ds) == 4
    assert make(np.eye(2)[[0, 0, 1, 1, 0]], ["a", "b"]).is_multi
    values = make(np.arange(5.0)[:, None], ["height"], continuous=True)
    assert values.is_reg and values.trn_y.ravel().tolist() == [0, 3, 4]


def test_arrays_need_no_transforms_where_they_are_square():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (6, 12, 12, 3)).astype("uint8")
    pair = (images, np.array([0, 1] * 3))
    data = ImageClassifierData.from_arrays("here", pair, pair, bs=2, classes=["no", "yes"], test=images[:1])
    np.testing.assert_array_equal(data.val_ds[4][0], images[4])
    np.testing.assert_allclose(data.val_ds.get_x(4), images[4] / 255, atol=1e-6)
    assert data.classes == ["no", "yes"] and len(data.test_ds) == 1
    with pytest.raises(ValueError, match="12x10 pixels are no squares"):
        ImageClassifierData.from_arrays("here", (images[:, :, :10], pair[1]), (images[:, :, :10], pair[1]))


@pytest.mark.slow
def test_resized_data_reads_small_copies(make_data, tmp_path):
    data = make_data()
    small = data.resize(20, "tmp")
    assert (tmp_path / "tmp" / "20" / "train" / "blue" / "blue00.jpg").is_file()
    assert small.val_ds.fnames == data.val_ds.fnames and small.sz == 16
    assert np.abs(small.val_ds[0][0].astype(float) - data.val_ds[0][0]).mean() < 12


def test_pictures_are_opened_from_0_to_1(pictures):
    image = open_image(pictures / "valid/red/red00.jpg")
    assert image.shape == (32, 40, 3) and image.dtype == np.float32 and 0 <= image.min() < image.max() <= 1
    assert image[..., 0].mean() > image[..., 2].mean()  # RGB


def test_mistakes_say_what_to_pass(pictures, backbone, make_data):
    with pytest.raises(ValueError, match="`tfms` is a pair"):
        ImageClassifierData.from_paths(pictures)
    train, _ = tfms_from_model(backbone, 16, aug_tfms=transforms_top_down)
    _, other = tfms_from_model(backbone, 16, crop_type=CropType.NO)
    with pytest.raises(ValueError, match="must be those of the training transforms"):
        ImageClassifierData.from_paths(pictures, tfms=(train, other))
    with pytest.raises(ValueError, match="no test set"):
        make_data(test_name=None).test_ds


def test_helpers():
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    expected = np.random.RandomState(42).permutation(50)[10:20]
    np.testing.assert_array_equal(get_cv_idxs(50, cv_idx=1), expected)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert n_hot([0, 2], 4).tolist() == [1, 0, 1, 0]
    (held, rest), (letters, _) = split_by_idx([3, 0], np.arange(4), np.array(list("abcd")))
    assert held.tolist() == [0, 3] and rest.tolist() == [1, 2] and letters.tolist() == ["a", "d"]


def test_statistics_are_kept_for_models_of_ones_own():
    stats = [np.array([0.5] * 3), np.array([0.2] * 3)]
    assert tfms_from_stats(stats, 8)[1].stats is stats
    assert isinstance(tfms_from_stats(None, 8)[0].core, kf.Transforms)


def test_pixels_of_a_table_are_whole_numbers(tmp_path, rng):
    x, y = rng.integers(0, 255, (12, 8, 8, 3)), np.arange(12) % 2
    data = ImageClassifierData.from_arrays(tmp_path, (x[:8], y[:8]), (x[8:], y[8:]), bs=4, test=x[:3], classes=y[:8])
    assert data.c == 2  # of the labels of all rows
    np.testing.assert_array_equal(data.val_ds[0][0], x[8])
