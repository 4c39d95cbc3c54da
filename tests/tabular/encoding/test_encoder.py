"""TableEncoder: codes, scales and flags against plain loops, its round trips, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.columns import NumberStatistics
from kerasfast.tabular.encoding.encoder import TableEncoder


def naive_codes(train: list, test: list) -> list[int]:
    """Sorted levels from 1, everything else 0."""
    levels = sorted({value for value in train if not pd.isna(value)})
    return [0 if pd.isna(value) or value not in levels else levels.index(value) + 1 for value in test]


def naive_values(train: list, test: list) -> np.ndarray:
    """Missing values become the median; then the mean and the deviation of the filled training column."""
    known = [value for value in train if not np.isnan(value)]
    fill = sorted(known)[len(known) // 2] if len(known) % 2 else sum(sorted(known)[len(known) // 2 - 1 :][:2]) / 2
    filled = [fill if np.isnan(value) else value for value in train]
    mean = sum(filled) / len(filled)
    deviation = (sum((value - mean) ** 2 for value in filled) / len(filled)) ** 0.5
    return np.array([((fill if np.isnan(value) else value) - mean) / deviation for value in test])


def test_codes_and_values_equal_the_loops(train, encoder):
    test = train.iloc[[5, 0, 2]].assign(Store=[3, 10, 7], Distance=[np.nan, 40.0, 5.0])
    codes, values = encoder.transform(test)
    assert codes.dtype == np.int32 and values.dtype == np.float32
    for position, name in enumerate(encoder.categorical):
        assert codes[:, position].tolist() == naive_codes(train[name].tolist(), test[name].tolist()), name
    assert encoder.value_names == ["Distance", "Promo", "Distance_na"]
    for position, name in enumerate(encoder.continuous):
        np.testing.assert_allclose(values[:, position], naive_values(train[name], test[name]), atol=1e-6)
    assert values[:, 2].tolist() == [1, 0, 0]


def test_cardinalities_include_the_unknown_slot_and_levels_are_in_order(encoder):
    assert encoder.cardinalities == {"Store": 4, "State": 4, "Holiday": 3, "Day": 4}
    assert encoder.levels("Store").tolist() == [2, 7, 10]
    assert encoder.levels("State").tolist() == ["HE", "NW", "TH"]
    assert encoder.levels("Day")[0] == pd.Timestamp("2015-01-01")
    with pytest.raises(ValueError, match="'Promo' is no categorical column"):
        encoder.levels("Promo")


def test_scaled_training_values_have_mean_0_and_deviation_1(train, encoder):
    values = encoder.transform(train)[1]
    np.testing.assert_allclose(values[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values[:, :2].std(axis=0), 1, atol=1e-6)
    plain = TableEncoder([], ["Promo"], standardize=False).fit_transform(train)[1]
    assert plain.ravel().tolist() == train["Promo"].tolist()


def test_the_callers_frame_is_not_changed(train):
    before = train.copy(deep=True)
    encoder = TableEncoder(["Store", "State"], ["Distance"])
    encoder.fit_transform(train)
    encoder.transform(train.iloc[:2])
    pd.testing.assert_frame_equal(train, before)


def test_missing_values_only_in_the_test_table_are_filled(train, encoder):
    missing = train.iloc[:1].assign(Promo=[np.nan], Store=[np.nan], Holiday=[None])
    codes, values = encoder.transform(missing)
    assert codes[0, [0, 2]].tolist() == [0, 0]
    assert values[0, 1] == encoder.encoded_fills[1]


@pytest.mark.parametrize(
    ("choice", "flags"),
    [
        ("learned", ["Distance_na"]),
        ("none", []),
        ("all", ["Distance_na", "Promo_na"]),
        (["Promo"], ["Distance_na", "Promo_na"]),
    ],
)
def test_missing_flags_are_learned_or_forced(train, choice, flags):
    encoder = TableEncoder(["Store"], ["Distance", "Promo"], missing_flags=choice).fit(train)
    assert encoder.value_names[2:] == flags
    values = encoder.transform(train.assign(Promo=[np.nan] * 3 + [1] * 3))[1]
    expected = {"Distance_na": [0, 1, 0, 0, 0, 0], "Promo_na": [1, 1, 1, 0, 0, 0]}
    assert values[:, 2:].T.tolist() == [expected[flag] for flag in flags]


def test_a_column_called_like_a_part_of_an_option_is_not_flagged():
    assert TableEncoder([], ["learn"]).fit(pd.DataFrame({"learn": [1, 2]})).value_names == ["learn"]


def test_missing_categories_can_have_a_slot_of_their_own(train):
    encoder = TableEncoder(["State", "Store"], [], separate_missing=True).fit(train)
    assert encoder.cardinalities == {"State": 5, "Store": 4}
    codes, _ = encoder.transform(pd.DataFrame({"State": [None, "BY", "TH"], "Store": [np.nan, 2, 3]}))
    assert codes.tolist() == [[4, 0], [0, 1], [3, 0]]
    assert encoder.inverse_transform(codes)["State"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"max_levels": 2}, [2, 10]),
        ({"max_levels": {"Store": 1}}, [2]),
        ({"min_count": 2}, [2, 10]),
        ({"min_count": {"Store": 3}}, [2]),
        ({"min_count": 2, "max_levels": 1}, [2]),
        ({"max_levels": 99}, [2, 7, 10]),
    ],
)
def test_rare_levels_become_unknown(train, limits, kept):
    encoder = TableEncoder(["Store"], [], **limits).fit(train)
    assert encoder.levels("Store").tolist() == kept
    codes = encoder.transform(train)[0].ravel()
    assert codes.tolist() == [kept.index(store) + 1 if store in kept else 0 for store in train["Store"]]


def test_equally_frequent_levels_are_cut_from_the_end():
    frame = pd.DataFrame({"x": ["c", "b", "a", "d"]})
    assert TableEncoder(["x"], [], max_levels=2).fit(frame).levels("x").tolist() == ["a", "b"]


def test_category_order_is_kept_and_matched_by_value():
    sizes = pd.CategoricalDtype(["small", "middle", "large", "giant"], ordered=True)
    train = pd.DataFrame({"size": pd.Series(["large", "small", "middle"], dtype=sizes)})
    encoder = TableEncoder(["size"], []).fit(train)
    assert encoder.levels("size").tolist() == ["small", "middle", "large"]
    other = pd.CategoricalDtype(["tiny", "large", "small"])
    test = pd.DataFrame({"size": pd.Series(["large", "tiny", "small", None], dtype=other)})
    assert encoder.transform(test)[0].ravel().tolist() == [3, 0, 1, 0]
    assert encoder.transform(pd.DataFrame({"size": ["middle"]}))[0].ravel().tolist() == [2]
    assert TableEncoder(["size"], [], min_count=0).fit(train).cardinalities == {"size": 5}


def test_save_and_load(train, encoder, tmp_path):
    path = encoder.save(tmp_path / "encoder.json")
    loaded = TableEncoder.load(str(path))
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.json"]
    for got, wanted in zip(loaded.transform(train), encoder.transform(train), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert loaded.unknown_rate == encoder.unknown_rate
    assert loaded.to_json() == encoder.to_json() == path.read_text()


def test_options_survive_json(train):
    options = {
        "max_levels": {"Store": 2},
        "min_count": 1,
        "missing_flags": ["Promo"],
        "separate_missing": True,
        "standardize": False,
        "unknown_rate": 0.25,
    }
    encoder = TableEncoder(["Store"], ["Promo"], **options).fit(train)
    loaded = TableEncoder.from_json(encoder.to_json())
    assert {name: getattr(loaded, name) for name in options} == options
    assert loaded.fit(train).to_json() == encoder.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "not the JSON of a kerasfast.TableEncoder"),
        ("[1]", "not the JSON"),
        ('{"format": "kerasfast.TableEncoder", "version": 99}', "version 1"),
        ('{"format": "kerasfast.TableEncoder", "version": 1}', "incomplete or damaged"),
        ("nonsense", "Expecting value"),
    ],
)
def test_foreign_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder.from_json(text)


def test_damaged_files_are_named_and_senseless_columns_refused(tmp_path):
    encoder = TableEncoder(["a"], ["x"]).fit(pd.DataFrame({"a": ["u", "v"], "x": [1.0, 2.0]}))
    file = encoder.save(tmp_path / "e.json")
    text = file.read_text()
    damages = [
        text[:-9], text.replace('"missing_code": 0', '"missing_code": 7'),
        text.replace('"kind": "text"', '"kind": "tex"'),
        text.replace('"scale": ', '"scale": -'), text.replace('"mean": 1.5', '"mean": 1e400'),
        text.replace('"u"', '["u"]'),
    ]  # fmt: skip
    for damaged in damages:
        assert damaged != text
        file.write_text(damaged)
        with pytest.raises(ValueError, match="e.json' is no encoder that `save` wrote"):
            TableEncoder.load(file)


def test_mask_hides_the_asked_share_and_repeats_with_its_seed(rng):
    frame = pd.DataFrame({"a": rng.integers(0, 9, 4000), "b": rng.integers(0, 5, 4000), "x": rng.normal(size=4000)})
    encoder = TableEncoder(["a", "b"], ["x"], missing_flags="all", unknown_rate=0.2)
    codes, values = encoder.fit_transform(frame)
    before = codes.copy(), values.copy()
    masked, hidden = encoder.mask(codes, values, seed=3)
    np.testing.assert_array_equal(codes, before[0])
    np.testing.assert_array_equal(values, before[1])
    np.testing.assert_allclose((masked == 0).mean(axis=0), 0.2, atol=0.03)
    assert (masked == codes)[masked > 0].all() and masked.dtype == np.int32
    gone = hidden[:, 1] == 1
    np.testing.assert_allclose(gone.mean(), 0.2, atol=0.03)
    assert (hidden[gone, 0] == encoder.encoded_fills[0]).all()
    np.testing.assert_array_equal(hidden[~gone], values[~gone])
    for got, wanted in zip(encoder.mask(codes, values, seed=3), (masked, hidden), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert (encoder.mask(codes, values, seed=4)[0] != masked).any()


def test_no_rate_masks_nothing(train):
    encoder = TableEncoder(["Store"], ["Distance"], unknown_rate=0)
    codes, values = encoder.fit_transform(train)
    masked = encoder.mask(codes, values, seed=0)
    np.testing.assert_array_equal(masked[0], codes)
    np.testing.assert_array_equal(masked[1], values)


def test_parts_teach_the_same_as_the_whole_table(rng):
    frame = pd.DataFrame(
        {
            "text": rng.choice(["a", "b", "c", None], 5000),
            "size": pd.Categorical(rng.choice(["s", "m", "l"], 5000), categories=["s", "m", "l"]),
            "x": np.where(rng.random(5000) < 0.2, np.nan, rng.normal(1e6, 2.0, 5000)),
            "late": np.where(np.arange(5000) < 3000, np.nan, rng.exponential(size=5000)),
            "day": pd.date_range("2015-01-01", periods=5000, freq="h"),
        }
    )
    options = {"min_count": 3, "max_levels": {"text": 2}, "separate_missing": True}
    whole, parts = (TableEncoder(["text", "size"], ["x", "late", "day"], **options) for _ in range(2))
    whole.fit(frame)
    parts.fit_parts(frame.iloc[start : start + 999] for start in range(0, 5000, 999))
    assert parts.cardinalities == whole.cardinalities and parts.value_names == whole.value_names
    assert parts.levels("size").tolist() == ["s", "m", "l"]
    np.testing.assert_array_equal(parts.transform(frame)[0], whole.transform(frame)[0])
    np.testing.assert_allclose(parts.transform(frame)[1], whole.transform(frame)[1], rtol=1e-6, atol=1e-6)


def test_the_median_of_many_parts_comes_from_a_bounded_sample(monkeypatch, rng):
    monkeypatch.setattr("kerasfast.tabular.encoding.columns._SAMPLE", 500)
    values = np.sort(rng.normal(size=20_000))
    statistics = NumberStatistics("x")
    for part in values.reshape(-1, 400):
        statistics.update(pd.Series(part, name="x"))
    assert len(statistics._sample) == 500
    column = statistics.column(standardize=True, flag_missing=True, flag_always=False)
    np.testing.assert_allclose(column.fill, np.median(values), atol=0.15)
    np.testing.assert_allclose([column.mean, column.scale], [values.mean(), values.std()], rtol=1e-9)


def test_parts_of_different_types_are_refused_and_booleans_become_numbers():
    with pytest.raises(ValueError, match="'x' held number values in earlier rows but holds text values"):
        TableEncoder(["x"], []).fit_parts(pd.DataFrame({"x": values}) for values in ([1, 2], ["a"]))
    encoder = TableEncoder(["x"], ["y"])
    encoder.fit_parts(pd.DataFrame({"x": values, "y": values}) for values in ([True], [None], [0, 2]))
    assert encoder.levels("x").tolist() == [0, 1, 2] and encoder.value_names == ["y", "y_na"]
    assert encoder.to_json() == TableEncoder.from_json(encoder.to_json()).to_json()
    with pytest.raises(ValueError, match="without rows"):
        encoder.fit_parts([])


def test_nullable_nan_is_missing_and_nanoseconds_are_one_level():
    odd = pd.arrays.FloatingArray(np.array([np.nan, 1.0, 2.0]), np.array([False, False, True]))
    day = pd.Timestamp("2015-01-01")
    times = pd.DatetimeIndex([day, day + pd.Timedelta(1, "ns"), day + pd.Timedelta("1s")]).as_unit("ns")
    codes, _ = TableEncoder(["odd", "time"], []).fit_transform(pd.DataFrame({"odd": odd, "time": times}))
    assert codes.T.tolist() == [[0, 1, 0], [1, 1, 2]]


def test_constant_columns_become_zero_and_one_level(train):
    frame = pd.DataFrame({"c": ["only"] * 7, "x": [0.1] * 7})
    encoder = TableEncoder(["c"], ["x"])
    codes, values = encoder.fit_transform(frame)
    assert encoder.cardinalities == {"c": 2} and (codes == 1).all()
    assert (values == 0).all()
    np.testing.assert_allclose(encoder.transform(frame.assign(x=1.1))[1], 1)


def test_tables_without_rows_encode_to_arrays_without_rows(train, encoder):
    codes, values = encoder.transform(train.iloc[:0])
    assert codes.shape == (0, 4) and values.shape == (0, 3)
    assert encoder.transform(pd.DataFrame(columns=train.columns))[0].shape == (0, 4)
    assert encoder.inverse_transform(codes, values).shape == (0, 6)
    with pytest.raises(ValueError, match="without rows"):
        encoder.fit(train.iloc[:0])


def test_all_columns_missing_in_the_test_table_are_missing_values_of_any_type(train, encoder):
    nothing = pd.DataFrame({name: [None, None] for name in train.columns})
    codes, values = encoder.transform(nothing)
    assert (codes == 0).all()
    assert values[:, :2].tolist() == [encoder.encoded_fills.tolist()] * 2
    np.testing.assert_array_equal(encoder.transform(nothing.astype(float))[1], values)


def test_two_columns_of_one_name_are_refused(train, encoder):
    with pytest.raises(ValueError, match="2 columns named 'Store'"):
        encoder.transform(pd.concat([train, train[["Store"]]], axis=1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], ["a"]), ValueError, r"\['a'\] are listed as categorical and as continuous"),
        (([], []), ValueError, "no columns"),
        ((["a", "a"], []), ValueError, r"listed twice: \['a'\]"),
        (([1], []), TypeError, r"must be text; received \[1\]"),
    ],
)
def test_impossible_column_lists_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        TableEncoder(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_levels": 0}, "`max_levels` must be a whole number, 1 or more; received 0"),
        ({"min_count": None}, "`min_count` must be .*; received None"),
        ({"max_levels": {"b": 3}}, r"`max_levels` names \['b'\]"),
        ({"missing_flags": ["b"]}, r"`missing_flags` names \['b'\]"),
        ({"missing_flags": "some"}, "`missing_flags` must be"),
        ({"unknown_rate": 1.0}, "`unknown_rate` must be a number, 0 or more and below 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(["a"], ["x"], **options)


def test_too_strict_limits_flag_names_and_wrong_objects_are_refused(train, encoder):
    with pytest.raises(ValueError, match="no level of categorical column 'Store' occurs 9 times"):
        TableEncoder(["Store"], [], min_count=9).fit(train)
    with pytest.raises(ValueError, match=r"\['Distance_na'\] have the names of missing-value flags"):
        TableEncoder([], ["Distance", "Distance_na"]).fit(train.assign(Distance_na=1))
    with pytest.raises(TypeError, match="DataFrame; received dict"):
        encoder.transform({"Store": [1]})
    with pytest.raises(ValueError, match="call fit"):
        TableEncoder(["Store"], []).transform(train)
    with pytest.raises(ValueError, match=r"shape \(rows, 4\); received \(6,\)"):
        encoder.inverse_transform(train["Store"])
    with pytest.raises(ValueError, match=r"'Store' must lie in 0..3; received 4..4"):
        encoder.inverse_transform(np.full((2, 4), 4))


def test_json_is_plain_and_readable(encoder):
    stored = json.loads(encoder.to_json())
    levels = {column["name"]: column["levels"] for column in stored["categorical"]}
    assert levels["Store"] == [2, 7, 10] and levels["Holiday"] == [False, True]
    assert levels["Day"][0].startswith("2015-01-01T00:00")
