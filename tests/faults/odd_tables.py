"""Odd tables, for `odd_uses`."""

from __future__ import annotations

import decimal
import pathlib

import keras
import numpy as np
import pandas as pd
from odd_uses import Use, refused, right

import kerasfast as kf

COLUMNS = {"categorical": ["town"], "continuous": ["area"]}


def frame(rows: int = 60) -> pd.DataFrame:
    """A small table with a class to predict."""
    rng = np.random.default_rng(0)
    town = rng.choice(["north", "south", "east"], rows)
    return pd.DataFrame({"town": town, "area": rng.normal(50, 10, rows), "sold": rng.choice(["no", "yes"], rows)})


def tables(folder: pathlib.Path) -> list[Use]:
    """Return the uses."""
    folder.mkdir()
    base = frame()
    priced = base.assign(sold=base["area"] * 2 + 1)
    data = kf.TableData.from_frame(base, "sold", **COLUMNS)
    keras.utils.set_random_seed(0)
    learn = kf.TableLearner.entity_embeddings(data, [4], path=folder)
    prices = kf.TableLearner.entity_embeddings(kf.TableData.from_frame(priced, "sold", **COLUMNS), [4], path=folder)
    return [*_targets(base, priced), *_columns(base), *_splits(base), *_new_rows(base, learn, prices), *_files(folder)]


def _of(rows: pd.DataFrame, **arguments) -> kf.TableData:
    return kf.TableData.from_frame(rows, "sold", **COLUMNS | arguments)


def _targets(base: pd.DataFrame, priced: pd.DataFrame) -> list[Use]:
    half = np.arange(len(base)) % 2
    return [
        refused("constant class", lambda: _of(base.assign(sold="same")), "sold", "same"),
        right("constant number", lambda: _of(priced.assign(sold=3.5)), lambda d: len(d.train) == 48,
              "one value"),
        refused("target all missing", lambda: _of(base.assign(sold=None)), "sold"),
        refused("target all nan", lambda: _of(priced.assign(sold=np.nan)), "sold"),
        refused("target partly missing", lambda: _of(base.assign(sold=base["sold"].mask(half == 0))), "25 missing"),
        refused("target partly nan", lambda: _of(priced.assign(sold=priced["sold"].mask(half == 0))), "25 missing"),
        refused("infinite target", lambda: _of(priced.assign(sold=np.where(half, np.inf, 1.0))), "sold"),
        refused("target beyond float32", lambda: _of(priced.assign(sold=np.where(half, 1e300, 1.0))), "sold"),
        refused("target of huge whole numbers", lambda: _of(priced.assign(sold=[10**40] * 59 + [0])), "sold"),
        refused("numbers and texts as target", lambda: _of(base.assign(sold=[1, "x"] * 30)), "sold"),
        refused("texts as regression", lambda: _of(base, target_kind="regression"), "sold", "no"),
        right("numbers written as texts", lambda: _of(priced.assign(sold=priced["sold"].astype(str)),
              target_kind="regression"), lambda d: abs(d.target_kind == "regression") and d.train.targets.std() > 1),
        refused("fractions as classes", lambda: _of(priced, target_kind="single"), "sold"),
        refused("dates as target", lambda: _of(base.assign(sold=pd.date_range("2020", periods=60))), "sold"),
        refused("complex target", lambda: _of(base.assign(sold=np.arange(60) * 1j)), "sold"),
        refused("lists as target", lambda: _of(base.assign(sold=[[1]] * 60)), "sold"),
        refused("logarithm of a class", lambda: _of(base, log=True), "sold", "no number"),
        refused("logarithm of negative numbers", lambda: _of(priced.assign(sold=-priced["sold"]), log=True), "log"),
        refused("a class for each row", lambda: _of(base.assign(sold=[f"id{i}" for i in range(60)])), "sold"),
        refused("labels of 0, 1 and 2", lambda: kf.TableData.from_frame(
            base.assign(a=half, b=half * 2), ["a", "b"], **COLUMNS, target_kind="multi"), "b"),
        refused("two text targets", lambda: kf.TableData.from_frame(
            base.assign(two=base["sold"]), ["sold", "two"], **COLUMNS), "sold", "no number"),
        refused("the same target twice", lambda: kf.TableData.from_frame(base, ["sold", "sold"], **COLUMNS), "sold"),
        refused("no target", lambda: kf.TableData.from_frame(base, [], **COLUMNS), "target"),
        refused("a target that is no column", lambda: kf.TableData.from_frame(base, "Sold", **COLUMNS), "Sold", "sold"),
        refused("the target among the columns", lambda: _of(base, categorical=["town", "sold"]), "sold"),
        right("yes and no of true and false", lambda: _of(base.assign(sold=half == 1)).target_kind,
              lambda kind: kind == "single"),
        right("nullable truth values", lambda: _of(base.assign(sold=pd.array(half == 1, "boolean"))).target_kind,
              lambda kind: kind == "single"),
        refused("truth values with a gap", lambda: _of(base.assign(sold=pd.array([None, True, False] * 20, "boolean"))),
                "sold", "16 missing"),
        right("classes that differ in blanks", lambda: _of(base.assign(sold=np.where(half, "yes", "yes "))),
              lambda d: len(d.target.classes) == 2, "differ in blanks"),
        right("classes that differ in case", lambda: _of(base.assign(sold=np.where(half, "yes", "Yes"))),
              lambda d: list(d.target.classes) == ["Yes", "yes"], "capitals"),
        right("whole-number classes with gaps", lambda: _of(base.assign(sold=[3, 70, 900] * 20), target_kind="single"),
              lambda d: [str(c) for c in d.target.classes] == ["3", "70", "900"]),
    ]  # fmt: skip


def _columns(base: pd.DataFrame) -> list[Use]:
    texts, twice = base["area"].map("{:.2f}".format), base.assign(area2=base["area"])
    twice.columns = ["town", "area", "sold", "area"]
    many = pd.MultiIndex.from_tuples([("town", "1"), ("area", "1"), ("sold", "1")])
    same = {"categorical": ["town", "town"]}
    return [
        refused("a column twice in the frame", lambda: _of(twice), "area"),
        refused("a column twice in the list", lambda: _of(base, **same), "town"),
        refused("a column in both lists", lambda: _of(base, continuous=["area", "town"]), "town"),
        refused("a column that is not there", lambda: _of(base, continuous=["Area"]), "Area", "area"),
        refused("text as continuous", lambda: _of(base, categorical=[], continuous=["town"]), "town"),
        refused("text dates as continuous", lambda: _of(base.assign(area="2024-01-02")), "area", "date"),
        refused("no column to predict from", lambda: kf.TableData.from_frame(base[["sold"]], "sold"), "column"),
        refused("columns in levels", lambda: _of(base.set_axis(many, axis=1)), "column"),
        refused("lists in cells", lambda: _of(base.assign(town=[["x"]] * 60)), "town"),
        refused("complex numbers", lambda: _of(base.assign(area=np.arange(60) * 1j)), "area"),
        refused("infinite numbers", lambda: _of(base.assign(area=np.inf)), "area"),
        refused("one infinite number", lambda: _of(base.assign(area=[np.inf, *range(59)])), "area"),
        right("numbers written as texts", lambda: _of(base.assign(area=texts)), lambda d: "area" in d.value_names),
        refused("numbers that are all missing", lambda: _of(base.assign(area=np.nan)), "area"),
        refused("whole numbers beyond floats", lambda: _of(base.assign(area=[10**400] * 30 + [1] * 30)), "area"),
        right("decimals", lambda: _of(base.assign(area=[decimal.Decimal(i) for i in range(60)])),
              lambda d: "area" in d.value_names),
        right("nullable numbers with a gap", lambda: _of(base.assign(area=pd.array([None, *range(59)], "Int64"))),
              lambda d: "area" in d.value_names),
        right("lengths of time", lambda: _of(base.assign(area=pd.to_timedelta(range(60), unit="h"))),
              lambda d: "area" in d.value_names),
        right("dates with a time zone", lambda: _of(
            base.assign(day=pd.date_range("2024-01-01", periods=60, tz="Asia/Tokyo")), dates=["day"]),
              lambda d: any("day" in name for name in [*d.value_names, *d.cardinalities])),
        refused("dates that are none", lambda: _of(base.assign(day="yesterday"), dates=["day"]), "day", "yesterday"),
        refused("a number as date", lambda: _of(base, dates=["area"]), "area"),
        refused("mixed texts and numbers as levels", lambda: _of(base.assign(town=[1, "1"] * 30)), "astype(str)"),
        right("one column as a text", lambda: _of(base, categorical="town"), lambda d: d.cardinalities == {"town": 4}),
        refused("positions for columns", lambda: _of(base, categorical=[0]), "0"),
        refused("no rows", lambda: _of(base[:0]), "row"),
        refused("one row", lambda: _of(base[:1]), "row"),
        refused("a Series", lambda: _of(base["area"]), "frame", "Series"),
        refused("a dictionary", lambda: _of(base.to_dict("list")), "frame", "dict"),
        refused("an array", lambda: _of(base.to_numpy()), "frame", "ndarray"),
        refused("the name of a file", lambda: _of("table.csv"), "frame", "from_csv"),
    ]  # fmt: skip


def _splits(base: pd.DataFrame) -> list[Use]:
    weighted = base.assign(weight=1.0)
    return [
        refused("validation without a column", lambda: _of(base, valid=base[["area", "sold"]]), "town"),
        refused("validation without the target", lambda: _of(base, valid=base[["area", "town"]]), "sold"),
        refused("an empty validation frame", lambda: _of(base, valid=base[:0]), "valid"),
        refused("an empty test frame", lambda: _of(base, test=base[:0]), "test"),
        refused("test without a column", lambda: _of(base, test=base[["area"]]), "town"),
        refused("a class of validation alone", lambda: _of(base, valid=base[:9].assign(sold="maybe")), "maybe"),
        refused("another type in validation", lambda: _of(base, valid=base[:9].assign(area="large")), "area", "large"),
        refused("all rows for validation", lambda: _of(base, valid_indices=range(60)), "train"),
        refused("rows beyond the table", lambda: _of(base, valid_indices=[60]), "60"),
        right("rows counted from the end", lambda: _of(base, valid_indices=[-1]), lambda d: len(d.valid) == 1),
        refused("rows twice", lambda: _of(base, valid_indices=[1, 1]), "1"),
        refused("two ways to split", lambda: _of(base, valid_indices=[1], valid_fraction=0.5), "valid_fraction"),
        refused("a mask of another length", lambda: _of(base, valid_indices=np.ones(9, bool)), "row numbers"),
        refused("days backwards", lambda: _of(base.assign(day=pd.date_range("2024", periods=60)), dates=["day"],
                valid_dates=("day", "2024-02-20", "2024-02-10")), "2024-02"),
        refused("days without rows", lambda: _of(base.assign(day=pd.date_range("2024", periods=60)), dates=["day"],
                valid_dates=("day", "2030-01-01", "2030-02-01")), "0 for validation"),
        refused("negative weights", lambda: _of(weighted.assign(weight=-1.0), weights="weight"), "weight"),
        refused("weights of nothing", lambda: _of(weighted.assign(weight=0.0), weights="weight"), "weight"),
        refused("missing weights", lambda: _of(weighted.assign(weight=np.nan), weights="weight"), "weight"),
        refused("weights that are texts", lambda: _of(weighted.assign(weight="heavy"), weights="weight"), "weight"),
        refused("weights that are no column", lambda: _of(base, weights="heavy"), "heavy"),
        refused("arrays of unlike length", lambda: kf.TableData.from_arrays(
            np.ones((9, 1), int), np.ones((8, 1)), np.arange(9.0), target_kind="regression"), "9", "8"),
        refused("negative codes", lambda: kf.TableData.from_arrays(
            -np.ones((9, 1), int), None, np.arange(9.0), target_kind="regression"), "codes"),
        refused("codes that are fractions", lambda: kf.TableData.from_arrays(
            np.full((9, 1), 0.5), None, np.arange(9.0), target_kind="regression"), "codes"),
        refused("missing values in arrays", lambda: kf.TableData.from_arrays(
            None, np.full((9, 1), np.nan), np.arange(9.0), target_kind="regression"), "values"),
        refused("missing targets in arrays", lambda: kf.TableData.from_arrays(
            None, np.ones((9, 1)), np.full(9, np.nan), target_kind="regression"), "targets"),
        refused("neither codes nor values", lambda: kf.TableData.from_arrays(
            None, None, np.arange(9.0), target_kind="regression"), "codes"),
    ]  # fmt: skip


def _new_rows(base: pd.DataFrame, learn: kf.TableLearner, prices: kf.TableLearner) -> list[Use]:
    new = base[:3].drop(columns="sold")
    known = learn.predict_frame(new).to_numpy()

    def like_known(found: pd.DataFrame) -> bool:
        return np.allclose(found.to_numpy(), known, atol=1e-6)

    def finite(found: pd.DataFrame) -> bool:
        return bool(np.isfinite(found.to_numpy()).all()) and len(found) == 3

    return [
        refused("new rows without a column", lambda: learn.predict_frame(new[["area"]]), "town"),
        refused("new rows as dictionary", lambda: learn.predict_frame(new.to_dict("list")), "DataFrame", "dict"),
        refused("a new row as Series", lambda: learn.predict_frame(new.iloc[0]), "DataFrame", "Series"),
        refused("new rows as array", lambda: learn.predict_frame(new.to_numpy()), "DataFrame", "ndarray"),
        right("no new rows", lambda: learn.predict_frame(new[:0]), lambda found: list(found) == ["no", "yes"]),
        refused("texts for numbers", lambda: learn.predict_frame(new.assign(area="large")), "area", "large"),
        refused("infinite new numbers", lambda: learn.predict_frame(new.assign(area=np.inf)), "area", "inf"),
        refused("new columns twice", lambda: learn.predict_frame(
            pd.concat([new, new[["area"]]], axis=1)), "area"),
        right("new columns in another order", lambda: learn.predict_frame(new[["area", "town"]]), like_known),
        right("more columns than needed", lambda: learn.predict_frame(new.assign(more=1)), like_known),
        right("numbers as texts", lambda: learn.predict_frame(new.assign(area=new["area"].map(repr))), like_known),
        right("levels as categories", lambda: learn.predict_frame(new.astype({"town": "category"})), like_known),
        right("another index", lambda: learn.predict_frame(new.set_axis([7, 7, 7])), like_known),
        right("new levels", lambda: learn.predict_frame(new.assign(town="nowhere")), finite),
        right("missing levels", lambda: learn.predict_frame(new.assign(town=None)), finite),
        right("missing numbers", lambda: learn.predict_frame(new.assign(area=np.nan)), finite),
        right("prices of far-off numbers are finite", lambda: prices.predict_frame(new.assign(area=1e30)), finite),
        refused("numbers beyond float32", lambda: prices.predict_frame(new.assign(area=1e300)), "area"),
        refused("levels of another type", lambda: learn.predict_frame(new.assign(town=[1, 2, 3])), "town"),
        refused("codes for rows", lambda: learn.predict_array(np.ones((2, 2))), "codes"),
        refused("codes beyond the levels", lambda: learn.predict_array(
            {"codes": np.full((2, 1), 99), "values": np.ones((2, 1))}), "codes", "99"),
        refused("values of another width", lambda: learn.predict_array(
            {"codes": np.ones((2, 1), int), "values": np.ones((2, 5))}), "values"),
        refused("values alone", lambda: learn.predict_array({"values": np.ones((2, 1))}), "codes"),
        refused("importance of no rows", lambda: learn.importance(rows=0), "rows"),
        refused("embeddings of a number", lambda: learn.plot_embeddings("area"), "area", "town"),
    ]  # fmt: skip


def _files(folder: pathlib.Path) -> list[Use]:
    base = frame()
    base.to_csv(folder / "table.csv", index=False)
    base.to_csv(folder / "semicolons.csv", index=False, sep=";")
    base.to_csv(folder / "marked.csv", index=False, encoding="utf-8-sig")
    (folder / "headers.csv").write_text("town,area,sold\n")
    (folder / "twice.csv").write_text("town,town,sold\n" + "north,1,no\nsouth,2,yes\n" * 9)
    (folder / "ragged.csv").write_text("town,area,sold\n" + "north,1,no\nsouth,2,yes,9\n" * 9)
    (folder / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "table.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    csv = kf.TableData.from_csv
    return [
        right("a CSV by its name as text", lambda: csv(str(folder / "table.csv"), "sold"),
              lambda d: len(d.train) == 48),
        right("semicolons", lambda: csv(folder / "semicolons.csv", "sold"), lambda d: len(d.train) == 48, ";"),
        right("a mark of byte order", lambda: csv(folder / "marked.csv", "sold"),
              lambda d: "town" in d.cardinalities),
        refused("names without rows", lambda: csv(folder / "headers.csv", "sold"), "headers.csv"),
        refused("a name twice in a CSV", lambda: csv(folder / "twice.csv", "sold"), "town"),
        refused("ragged lines", lambda: csv(folder / "ragged.csv", "sold"), "ragged.csv"),
        refused("a picture named CSV", lambda: csv(folder / "picture.csv", "sold"), "picture.csv"),
        refused("a workbook", lambda: csv(folder / "table.xlsx", "sold"), "table.xlsx"),
        refused("a folder for a CSV", lambda: csv(folder, "sold"), str(folder)),
        refused("a CSV that is not there", lambda: csv(folder / "tabel.csv", "sold"), "tabel.csv"),
        refused("a target that is not in the CSV", lambda: csv(folder / "table.csv", "price"), "price", "sold"),
        refused("a workbook among files", lambda: kf.TableData.from_files(
            folder / "table.xlsx", "sold", categorical=["town"]), "table.xlsx"),
        refused("a table as a model", lambda: kf.TablePredictor.load(folder / "table.csv"), "table.csv"),
        refused("a folder as a model", lambda: kf.TablePredictor.load(folder), str(folder)),
    ]  # fmt: skip
