import numpy as np
import pandas as pd
import pytest

import kerasfast as kf


def sales(rows=400, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Store": random.integers(1, 9, rows),
            "State": random.choice(["HE", "TH", "BE"], rows),
            "Distance": np.where(random.random(rows) < 0.1, np.nan, random.exponential(500, rows)),
            "Promo": random.integers(0, 2, rows),
            "Date": pd.date_range("2014-01-01", periods=rows),
            "Sales": random.uniform(100, 9000, rows),
            "Grade": random.choice(["low", "mid", "high"], rows),
            "Weight": random.uniform(0.5, 2, rows),
        }
    )


COLUMNS = {"categorical": ["Store", "State"], "continuous": ["Distance", "Promo"]}


@pytest.fixture(params=["frame", "files"])
def make(request, tmp_path):
    """`from_frame`, or `from_files` for frames that are written first; both take frames."""
    if request.param == "frame":
        return kf.TableData.from_frame
    pytest.importorskip("pyarrow")

    def from_files(frame, target, **arguments):
        for name, table in (("frame", frame), ("valid", arguments.get("valid")), ("test", arguments.get("test"))):
            if table is not None:
                table.to_parquet(tmp_path / f"{name}.parquet", row_group_size=90)
                arguments |= {name: tmp_path / f"{name}.parquet"} if name != "frame" else {}
        return kf.TableData.from_files(tmp_path / "frame.parquet", target, **arguments)

    return from_files


def test_rows_are_split_by_date(make):
    frame = sales()
    data = make(frame, "Sales", **COLUMNS, log=True, valid_dates=("Date", "2014-08-01", "2014-09-17"))
    chosen = frame["Date"].between("2014-08-01", "2014-09-17")
    assert (len(data.train), len(data.valid), data.test) == (352, 48, None)
    np.testing.assert_allclose(data.valid.targets[:, 0], np.log(frame["Sales"][chosen]), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        ({}, (320, 80)),
        ({"valid_fraction": 0.25}, (300, 100)),
        ({"valid_indices": [3, 0, 399]}, (397, 3)),
        ({"valid_fraction": 0}, (400, None)),
        ({"valid": sales(50, seed=1)}, (400, 50)),
    ],
)
def test_rows_are_split_as_wished(make, arguments, sizes):
    data = make(sales(), "Sales", **COLUMNS, **arguments)
    assert (len(data.train), data.valid and len(data.valid)) == sizes
    if "valid_indices" in arguments:
        np.testing.assert_allclose(data.valid.targets[:, 0], sales()["Sales"].iloc[[0, 3, 399]], rtol=1e-6)


def test_frame_and_files_are_split_and_encoded_alike(tmp_path):
    pytest.importorskip("pyarrow")
    sales().to_parquet(tmp_path / "sales.parquet", row_group_size=90)
    whole = kf.TableData.from_frame(sales(), "Sales", **COLUMNS)
    parts = kf.TableData.from_files(tmp_path / "sales.parquet", "Sales", **COLUMNS)
    for one, other in zip(
        next(iter(whole.valid.dataset()))[0].values(), next(iter(parts.valid.dataset()))[0].values(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert whole.encoder.cardinalities == parts.encoder.cardinalities


def test_the_encoder_learns_from_training_rows_alone(make):
    frame = sales()
    frame.loc[399, "State"] = "XX"
    data = make(frame, "Sales", **COLUMNS, valid_indices=[399])
    assert "XX" not in set(data.encoder.levels("State"))
    assert next(iter(data.valid.dataset()))[0]["codes"][0, 1] == 0


def test_a_missing_value_in_the_test_table_alone_is_encoded(make):
    frame = sales().assign(Distance=1.5)
    data = make(frame, "Sales", **COLUMNS, test=sales(30).assign(Promo=np.nan, State=None))
    inputs = next(iter(data.test.dataset()))
    inputs = inputs[0] if isinstance(inputs, tuple) else inputs
    assert np.isfinite(inputs["values"]).all() and not inputs["codes"][:, 1].numpy().any()


def test_classes_and_labels_are_targets_too(make):
    frame = sales().assign(
        hot=lambda table: (table["Sales"] > 5000) * 1, far=lambda table: (table["Distance"] > 500) * 1
    )
    single = make(frame, "Grade", **COLUMNS)
    assert (single.target.kind, single.target.classes) == ("single", ["high", "low", "mid"])
    assert next(iter(single.train.dataset()))[1].dtype == "int32"
    multi = make(frame, ["hot", "far"], **COLUMNS)
    assert multi.target.kind == "multi" and next(iter(multi.train.dataset()))[1].shape == (32, 2)


def test_weights_come_with_the_batches(make):
    frame = sales()
    data = make(frame, "Sales", **COLUMNS, weights="Weight", valid_fraction=0)
    _, targets, weights = next(iter(data.train.dataset()))
    weight_of = dict(zip(frame["Sales"].astype(np.float32), frame["Weight"].astype(np.float32), strict=True))
    assert [weight_of[target] for target in targets[:, 0].numpy()] == weights.numpy().tolist()


def test_a_fitted_encoder_is_used_as_it_is(make):
    encoder = kf.TableEncoder(["Store"], ["Distance"], unknown_rate=0.2).fit(sales(seed=3))
    before = encoder.to_json()
    data = make(sales(), "Sales", encoder=encoder)
    assert data.encoder is encoder and encoder.to_json() == before
    assert data.train.batching.masking.rate == 0.2


def test_the_callers_frame_is_not_changed():
    frame = sales()
    kf.TableData.from_frame(frame, "Sales", **COLUMNS, log=True, test=frame)
    pd.testing.assert_frame_equal(frame, sales())


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"categorical": ["Shop"]}, r"no columns \['Shop'\]"),
        ({}, {"target": "Turnover"}, "Turnover"),
        ({"Sales": np.nan}, {}, "'Sales' has [0-9]+ missing values"),
        ({"Sales": 0}, {"log": True}, "'Sales' has .* values of 0 or less"),
        ({"Distance": np.inf}, {}, "'Distance' has .* infinite"),
        ({"Distance": np.nan}, {}, "'Distance' has no value"),
        ({"Distance": "far"}, {}, "'Distance' holds text"),
        ({"Weight": -1.0}, {"weights": "Weight"}, "weight column 'Weight' must hold numbers of 0 or more"),
        ({}, {"weights": "Mass"}, "Mass"),
        ({}, {"continuous": ["Sales"]}, r"target columns \['Sales'\] are listed among the columns to predict from"),
        ({}, {"valid_dates": ("Date", "2019-01-01", "2020-01-01")}, "400 rows for training and 0 for validation"),
        ({}, {"valid_dates": ("Date", "2010-01-01", "2020-01-01")}, "validation rows|without rows|no rows"),
        ({}, {"valid_fraction": 0.2, "valid_indices": [0]}, "in one way; received valid_indices, valid_fraction"),
        ({}, {"batch_size": 0}, "`batch_size`"),
        ({}, {"encoder": kf.TableEncoder(["Store"], [])}, "in one way; received encoder and lists of columns"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_column(make, change, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(sales().assign(**change), **({"target": "Sales"} | COLUMNS | arguments))


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="State"), "State"),
        (lambda table: table.assign(Distance="far"), "'Distance' holds text"),
        (lambda table: table.assign(Promo=np.inf), "'Promo' has 50 infinite"),
        (lambda table: table[:0], "no rows"),
    ],
)
def test_other_tables_that_do_not_fit_are_refused_before_training(make, split, change, message):
    with pytest.raises(ValueError, match=message):
        make(sales(), "Sales", **COLUMNS, **{split: change(sales(50))})


def test_a_class_that_only_validation_rows_have_is_refused(make):
    frame = sales()
    frame.loc[7, "Grade"] = "top"
    with pytest.raises(ValueError, match="'Grade' has the classes .*'top'.*, which training rows do not have"):
        make(frame, "Grade", **COLUMNS, valid_indices=[7])


def test_frames_must_be_frames():
    with pytest.raises(TypeError, match="`frame` must be a pandas DataFrame; received dict"):
        kf.TableData.from_frame({"Sales": [1]}, "Sales", continuous=["Promo"])


def test_a_target_alone_is_enough(capsys, tmp_path):
    frame = sales().drop(columns=["Weight"])
    frame["Id"], frame["Note"] = (
        np.random.default_rng(1).permutation(400),
        [f"said of row number {row}" for row in range(400)],
    )
    frame.to_csv(tmp_path / "sales.csv", index=False)
    data = kf.TableData.from_csv(tmp_path / "sales.csv", "Sales", valid_dates=("Date", "2014-08-01", "2014-09-17"))
    said = capsys.readouterr().out
    assert "categorical  State, Grade" in said and "dates        Date" in said
    assert "left out     Id: it names nearly every row anew" in said and "left out     Note" in said
    assert list(data.cardinalities) == ["State", "Grade", "Date_Month", "Date_Dayofweek"]
    assert (len(data.train), len(data.valid)) == (352, 48)
    parts = data.encoder.inverse_transform(*data.encoder.transform(frame))
    np.testing.assert_allclose(parts["Date_Day"], frame["Date"].dt.day, rtol=1e-4)


def test_a_strange_file_is_read_and_what_was_done_is_said(tmp_path, capsys):
    frame = sales()[["State", "Sales"]].assign(Paid=[f"${1000 + row:,}" for row in range(400)], Power=["?", "90"] * 200)
    frame["Sales"] = [None if row < 3 else f"{row * 7:,} €" for row in range(400)]
    frame.to_csv(tmp_path / "strange.csv", sep=";", encoding="cp1252", index=False)
    data = kf.TableData.from_csv(tmp_path / "strange.csv", "Sales")
    said = capsys.readouterr().out
    assert "encoding='cp1252', sep=';'" in said and "3 of 400 rows have no 'Sales' and are left out" in said
    assert "target 'Sales' is text that reads as numbers, such as '21 €'" in said and "continuous   Paid" in said
    assert data.target_kind == "regression" and len(data.train) + len(data.valid) == 397
    assert data.train.targets.max() > 2000
    given = kf.TableData.from_csv(tmp_path / "strange.csv", "Sales", valid=tmp_path / "strange.csv")
    assert len(given.train) == len(given.valid) == 397
    with pytest.raises(ValueError, match="1 missing values in 398 rows"):
        kf.TableData.from_csv(tmp_path / "strange.csv", "Sales", valid_indices=[0, 1])
    with pytest.raises(ValueError, match="'name' has .* different values in .* rows"):
        kf.TableData.from_frame(sales().assign(name=[f"a{row}" for row in range(400)]), "name", continuous=["Distance"])


def test_a_guess_can_be_edited(capsys):
    guess = kf.guess_columns(sales(), "Sales", leave_out=["Weight"])
    guess.continuous.remove("Store")
    guess.categorical.append("Store")
    data = kf.TableData.from_frame(sales(), "Sales", columns=guess)
    assert list(data.cardinalities)[:3] == ["State", "Grade", "Store"] and not capsys.readouterr().out
    with pytest.raises(ValueError, match="name the columns in one way; received columns and lists of columns"):
        kf.TableData.from_frame(sales(), "Sales", columns=guess, continuous=["Promo"])


def test_columns_of_files_must_be_named(tmp_path):
    pytest.importorskip("pyarrow")
    sales().to_parquet(tmp_path / "sales.parquet")
    with pytest.raises(ValueError, match="no columns are listed"):
        kf.TableData.from_files(tmp_path / "sales.parquet", "Sales")


def test_weights_are_no_column_to_predict_from(capsys):
    data = kf.TableData.from_frame(sales(), "Sales", weights="Weight")
    assert "Weight" not in data.value_names and "columns were guessed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, FileNotFoundError, "no file .*absent.csv"),
        ("", ValueError, "cannot be read as comma-separated values"),
        ("x,y\n1,2\n1,2,3\n", ValueError, "cannot be read as comma-separated values"),
        ("x,y\n", ValueError, "has no rows below its first line"),
        ("x,z\n1,2\n", ValueError, "no column 'y'"),
    ],
)
def test_files_that_are_no_table_are_named(tmp_path, text, error, message):
    path = tmp_path / ("absent.csv" if text is None else "table.csv")
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=message):
        kf.TableData.from_csv(path, "y")


def test_numbers_that_answer_a_question_are_classes(make, capsys):
    data = make(sales(), "Promo", categorical=["Store"], continuous=["Distance"])
    assert data.target_kind == "single" and data.target.classes == [0, 1]
    assert "target 'Promo' is 0 or 1: a yes/no question" in capsys.readouterr().out
    data = make(sales(), "Promo", categorical=["Store"], continuous=["Distance"], target_kind="regression")
    assert data.target_kind == "regression" and not capsys.readouterr().out


@pytest.mark.parametrize(("rows", "size"), [(400, 32), (8192, 256), (40, 32)])
def test_batches_grow_with_the_rows(rows, size):
    data = kf.TableData.from_frame(sales(rows), "Sales", **COLUMNS, valid_fraction=0)
    assert data.train.batching.batch_size == size


def arrays(rng, rows=100):
    return rng.integers(0, 5, (rows, 2)), rng.normal(size=(rows, 3)), rng.normal(size=rows)


def test_arrays_are_taken_as_they_are(rng):
    codes, values, targets = arrays(rng)
    data = kf.TableData.from_arrays(
        codes, values, targets, valid_indices=range(20), test=(codes, values), weights=np.ones(100)
    )
    inputs, held = next(iter(data.valid.dataset()))
    np.testing.assert_array_equal(inputs["codes"], codes[:20])
    np.testing.assert_allclose(inputs["values"], values[:20], rtol=1e-6)
    np.testing.assert_allclose(held[:, 0], targets[:20], rtol=1e-6)
    assert data.cardinalities == {"code_0": 5, "code_1": 5} and len(data.value_names) == 3
    assert len(next(iter(data.train.dataset()))) == 3 and len(data.test) == 100
    assert data.train.batching.masking is None


def test_arrays_of_one_kind_are_enough(rng):
    codes, values, _ = arrays(rng)
    classes = rng.integers(0, 3, 100)
    data = kf.TableData.from_arrays(None, values, classes, target_kind="single")
    assert data.target.classes == [0, 1, 2] and set(next(iter(data.train.dataset()))[0]) == {"values"}
    data = kf.TableData.from_arrays(codes, None, classes, valid=(codes, None, classes), cardinalities=[9, 5])
    assert list(data.cardinalities.values()) == [9, 5] and set(next(iter(data.train.dataset()))[0]) == {"codes"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": None, "values": None}, "neither `codes` nor `values`"),
        ({"codes": np.full((100, 2), -1)}, "training codes must be whole numbers from 0"),
        ({"codes": np.ones((100, 2))}, "training codes must be whole numbers from 0"),
        ({"values": np.full((100, 3), np.nan)}, "training values must be finite; 300 are not"),
        ({"values": np.zeros(100)}, r"training values must be numbers \(rows, columns\)"),
        ({"targets": np.zeros(99)}, "the same number of rows"),
        ({"targets": np.full(100, np.nan)}, "training targets must be finite"),
        ({"targets": np.zeros((100, 2)) + 2, "target_kind": "multi"}, "0 or 1 for target_kind='multi'"),
        ({"target_kind": "classes"}, "`target_kind` must be one of"),
        ({"cardinalities": [5, 3]}, "'code_1' has the code 4 but only 3 codes"),
        ({"cardinalities": [5]}, "1 columns, the codes have 2"),
        ({"test": (np.zeros((3, 1), int), np.zeros((3, 3)))}, "must have the same columns"),
        ({"weights": np.ones(5)}, "the same number of rows"),
        ({"weights": [1, [2]]}, "weights must be an array or lists of equal length"),
        ({"values": [1, [2]]}, "training values must be an array or lists of equal length"),
        ({"targets": [1, [2]]}, "training targets must be an array or lists of equal length"),
        ({"targets": None}, "`targets` must be an array with a row for each training row"),
        ({"valid_indices": [1, [2]]}, "`valid_indices` must be an array or lists of equal length"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(rng, change, message):
    codes, values, targets = arrays(rng)
    arguments = {"codes": codes, "values": values, "targets": targets} | change
    with pytest.raises(ValueError, match=message):
        kf.TableData.from_arrays(**arguments)
