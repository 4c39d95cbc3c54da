"""The drawn data set: the same every time, in the competition's layout, and its pictures show their tags."""

import collections
import csv
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from kerasfast.demo import drawing, planet_like, scenery


def draw(folder, **changes):
    return planet_like.draw_planet_like(folder, **{"n_train": 6, "n_test": 2, "size": 48, "progress": False, **changes})


def digests(folder) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def brightness(tags: str, key: int, size: int = 64) -> np.ndarray:
    return scenery.draw_tile(set(tags.split()), [7, key], size).mean(axis=-1)


def test_folder_has_the_layout_of_the_competition(tmp_path):
    folder = draw(tmp_path / "new" / "planet")
    rows = list(csv.DictReader((folder / "train_v2.csv").open()))
    assert [row["image_name"] for row in rows] == [f"train_{i}" for i in range(6)]
    assert [set(row["tags"].split()) for row in rows] == [planet_like.tile_tags(i) for i in range(6)]
    assert sorted(path.name for path in (folder / "train-jpg").iterdir()) == [f"train_{i}.jpg" for i in range(6)]
    submission = list(csv.reader((folder / "sample_submission_v2.csv").open()))
    assert [row[0] for row in submission] == ["image_name", "test_0", "test_1"]
    picture = Image.open(folder / "test-jpg" / "test_1.jpg")
    assert (picture.size, picture.mode, picture.format) == ((48, 48), "RGB", "JPEG")
    assert [path.name for path in folder.parent.iterdir()] == ["planet"]


def test_the_seed_decides_every_byte_and_a_larger_set_begins_with_the_smaller(tmp_path):
    first, again = digests(draw(tmp_path / "a")), digests(draw(tmp_path / "b"))
    assert first == again
    larger, other = digests(draw(tmp_path / "c", n_train=9, n_test=3)), digests(draw(tmp_path / "d", seed=1))
    pictures = [name for name in first if name.endswith(".jpg")]
    assert len({first[name] for name in pictures}) == 8
    assert all(larger[name] == first[name] and other[name] != first[name] for name in pictures)


def test_tags_are_about_as_frequent_as_in_the_real_set():
    tiles = [planet_like.tile_tags(index) for index in range(3000)]
    counts = collections.Counter(tag for tags in tiles for tag in tags)
    real = {
        "primary": 0.934, "clear": 0.701, "agriculture": 0.318, "road": 0.209, "partly_cloudy": 0.194, "water": 0.169,
        "cultivation": 0.121, "habitation": 0.093, "haze": 0.055, "cloudy": 0.050,
    }  # fmt: skip
    for tag, share in real.items():
        assert counts[tag] / 3000 == pytest.approx(share, abs=0.2 * share), tag
    assert set(counts) == set(scenery.TAGS)
    assert 2.7 < np.mean([len(tags) for tags in tiles]) < 3.0


@pytest.mark.parametrize("seed", [42, 0, 3])
def test_every_rare_tag_occurs_in_a_small_set(seed):
    counts = collections.Counter(tag for index in range(300) for tag in planet_like.tile_tags(index, seed=seed))
    assert all(counts[tag] == 3 for tag in planet_like.RARE)


@pytest.mark.parametrize("split", ["train", "test"])
def test_tiles_have_one_weather_and_cloudy_tiles_nothing_else(split):
    for index in range(600):
        tags = planet_like.tile_tags(index, split=split)
        assert len(tags & set(scenery.WEATHER)) == 1
        assert tags == {"cloudy"} if "cloudy" in tags else len(tags) > 1


def test_tags_keep_company_as_in_the_real_set():
    tiles = [planet_like.tile_tags(index) for index in range(3000)]

    def share(tag, given):
        return np.mean([tag in tags for tags in tiles if given in tags])

    assert share("road", "agriculture") > 2 * np.mean(["road" in tags for tags in tiles])
    assert share("road", "habitation") > 0.6
    assert share("agriculture", "haze") < share("agriculture", "clear")


@pytest.mark.parametrize("key", range(5))
def test_haze_lowers_contrast_and_clouds_brighten(key):
    clear = brightness("clear primary agriculture road", key)
    assert brightness("haze primary agriculture road", key).std() < 0.8 * clear.std()
    assert brightness("cloudy", key).mean() > 1.3 * brightness("clear primary", key).mean()


@pytest.mark.parametrize("tag", [tag for tag in scenery.LAND if tag != "primary"])
def test_every_land_tag_shows_in_the_picture_and_leaves_the_rest_alone(tag):
    touched = []
    for key in range(8):
        without, with_tag = brightness("clear primary", key), brightness(f"clear primary {tag}", key)
        touched.append(np.mean(np.abs(with_tag - without) > 3))
    assert min(touched) < 0.9, "the forest around should stay as it was"
    assert np.median(touched) > 0.004


@pytest.mark.parametrize("key", range(8))
def test_water_covers_visible_pixels(key):
    without, with_water = brightness("clear primary", key, 128), brightness("clear primary water", key, 128)
    covered = np.abs(with_water - without) > 6
    assert covered.mean() > 0.005


def test_the_same_tile_is_drawn_at_any_size():
    tags = {"clear", "primary", "water", "road"}
    small, large = (scenery.draw_tile(tags, [1, 2], size) for size in (64, 256))
    shrunk = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BOX))
    assert small.shape == (64, 64, 3)
    assert np.abs(small.mean(axis=(0, 1)) - shrunk.mean(axis=(0, 1))).max() < 15


def test_a_finished_set_is_reused_untouched(tmp_path):
    folder = draw(tmp_path / "planet")
    (folder / "tmp").mkdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    draw(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "planet").mkdir()
    assert (draw(tmp_path / "planet", n_test=0) / "train_v2.csv").is_file()


def test_foreign_changed_and_broken_folders_are_refused(tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="foreign exists and holds no drawn data set.*another folder"):
        draw(foreign)
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    with pytest.raises(FileExistsError, match="thesis.txt exists"):
        draw(foreign / "thesis.txt")
    folder = draw(tmp_path / "planet")
    with pytest.raises(FileExistsError, match="'seed': 42.*'seed': 43"):
        draw(folder, seed=43)
    (folder / "train-jpg" / "train_3.jpg").unlink()
    with pytest.raises(FileExistsError, match="lacks 1 of its files, for example train_3.jpg"):
        draw(folder)
    (folder / planet_like.MARKER).write_text("{")
    with pytest.raises(FileExistsError, match="cannot be read"):
        draw(folder)


def test_an_interrupted_drawing_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(planet_like, "draw_tile", interrupt)
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "planet")
    assert list(tmp_path.iterdir()) == []


def test_the_marker_tells_what_was_drawn(tmp_path):
    found = json.loads((draw(tmp_path / "planet", seed=np.int64(5)) / planet_like.MARKER).read_text())
    assert found == {"version": planet_like.DRAWING_VERSION, "seed": 5, "n_train": 6, "n_test": 2, "size": 48}


@pytest.mark.parametrize("change", [{"n_train": 0}, {"n_test": -1}, {"size": 8}, {"seed": -1}, {"n_train": 2.5}])
def test_wrong_settings_are_named(tmp_path, change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` must be a whole number"):
        draw(tmp_path / "planet", **change)


@pytest.mark.parametrize("tags", ["primary", "clear haze", "clear ocean"])
def test_impossible_tags_are_named(tags):
    with pytest.raises(ValueError, match="exactly one of|Unknown tags"):
        scenery.draw_tile(set(tags.split()), [1])


def test_noise_is_normalised_and_finer_with_more_cells(rng):
    coarse, fine = (drawing.value_noise(rng, 64, cells, octaves=1) for cells in (2, 20))
    for noise in (coarse, fine):
        assert abs(noise.mean()) < 1e-5 and noise.std() == pytest.approx(1, abs=1e-4)
    assert drawing.relief(fine).std() > 3 * drawing.relief(coarse).std()


def test_thick_strokes_have_no_notches_at_bends():
    angle = np.linspace(0, np.pi, 12)
    mask = drawing.stroke(np.stack([0.5 + 0.25 * np.cos(angle), 0.3 + 0.25 * np.sin(angle)], axis=1), 96, 16)
    assert (mask[40:, :].max(axis=0)[30:66] == 1).all()
    assert mask.max() == 1 and mask.min() == 0
