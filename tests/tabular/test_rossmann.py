"""The Rossmann example on the real tables, against a reference that goes row by row as the lesson did."""

import datetime
import importlib.util
import pathlib
import shutil
import types

import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.tabular import TableEncoder

LESSON_CARDINALITIES = [1116, 8, 4, 13, 32, 3, 26, 27, 5, 4, 4, 24, 9, 13, 53, 22, 7, 7, 4, 4, 9, 9]


@pytest.fixture(scope="module")
def rossmann() -> types.ModuleType:
    path = pathlib.Path(__file__).resolve().parents[2] / "examples" / "rossmann.py"
    spec = importlib.util.spec_from_file_location("rossmann_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def raw_train(data_dir) -> pd.DataFrame:
    pytest.importorskip("pyarrow")
    return pd.read_parquet(data_dir / "rossmann" / "train.parquet").astype({"StateHoliday": str})


@pytest.fixture(scope="module")
def folder(rossmann, raw_train, data_dir, tmp_path_factory) -> pathlib.Path:
    """The tables as CSV, with the training rows of some stores."""
    rows = raw_train["Store"].value_counts()
    stores = {1, 2, int(rows[rows < 800].index.min()), *range(30, 1115, 50)}
    folder = tmp_path_factory.mktemp("rossmann")
    for name in rossmann.TABLES[1:]:
        shutil.copy(data_dir / "rossmann" / f"{name}.csv", folder)
    raw_train[raw_train["Store"].isin(stores)].to_csv(folder / "train.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def few_stores(rossmann, raw_train, folder) -> dict[str, pd.DataFrame]:
    """The tables of four stores; one was closed for half a year, so that it has fewer rows."""
    rows = raw_train["Store"].value_counts()
    stores = [1, 2, 30, int(rows[rows < 800].index.min())]
    tables = rossmann.load_tables(folder)
    return tables | {name: tables[name][tables[name]["Store"].isin(stores)] for name in ("train", "test")}


def naive_features(tables: dict[str, pd.DataFrame], name: str) -> list[dict]:
    """The lesson's features, one row at a time with plain Python."""
    stores = {row.Store: row for row in tables["store"].itertuples()}
    states = dict(zip(tables["store_states"]["Store"], tables["store_states"]["State"], strict=True))
    codes = dict(zip(tables["state_names"]["StateName"], tables["state_names"]["State"], strict=True))
    weather = {(codes[row["file"]], row["Date"].date()): row for _, row in tables["weather"].iterrows()}
    trends = {}
    for row in tables["googletrend"].itertuples():
        sunday = datetime.date.fromisoformat(row.week[:10])
        trends[row.file.replace("_NI", "_HB,NI"), sunday.year, sunday.isocalendar()[1]] = row.trend
    features = []
    for _, rows in tables[name].groupby("Store"):
        rows = rows.sort_values("Date")
        around = naive_events(rows)
        for row, extra in zip(rows.itertuples(), around, strict=True):
            day, store, state = row.Date.date(), stores[row.Store], states[row.Store]
            week = (day.year, day.isocalendar()[1])
            extra |= naive_durations(day, store)
            extra |= {"trend": trends[("Rossmann_DE_" + state, *week)], "trend_DE": trends[("Rossmann_DE", *week)]}
            extra |= {"Year": day.year, "Month": day.month, "Day": day.day, "Week": week[1], "State": state}
            extra |= {"StateHoliday": row.StateHoliday != "0", "row": row.Index}
            features.append(store._asdict() | weather[state, day].to_dict() | row._asdict() | extra)
    return features


def naive_durations(day: datetime.date, store: tuple) -> dict:
    year, week = store.Promo2SinceYear, store.Promo2SinceWeek
    promotion = 0 if np.isnan(year) else (day - datetime.date.fromisocalendar(int(year), int(week), 1)).days
    opened, month = store.CompetitionOpenSinceYear, store.CompetitionOpenSinceMonth
    competition = 0 if np.isnan(opened) or opened < 1990 else (day - datetime.date(int(opened), int(month), 15)).days
    return {
        "Promo2Weeks": min(max(promotion, 0) // 7, 25),
        "CompetitionMonthsOpen": min(max(competition, 0) // 30, 24),
        "CompetitionOpenSinceYear": 1900 if np.isnan(opened) else opened,
        "Promo2SinceYear": 1900 if np.isnan(year) else year,
    }


def naive_events(rows: pd.DataFrame) -> list[dict]:
    """The lesson's loop over one store's days, forwards and backwards."""
    found = [{} for _ in range(len(rows))]
    days = rows["Date"].tolist()
    for event in ("SchoolHoliday", "StateHoliday", "Promo"):
        flags = [int(value not in (0, "0")) for value in rows[event]]
        for prefix, positions in (("After", range(len(rows))), ("Before", range(len(rows) - 1, -1, -1))):
            last = None
            for position in positions:
                last = days[position] if flags[position] else last
                found[position][prefix + event] = 0 if last is None else (days[position] - last).days
        for position in range(len(rows)):
            found[position][event + "_bw"] = sum(flags[max(position - 6, 0) : position + 1])
            found[position][event + "_fw"] = sum(flags[position : position + 7])
    return found


@pytest.mark.parametrize(("name", "position"), [("train", 0), ("test", 1)])
def test_every_feature_equals_the_row_by_row_reference(rossmann, few_stores, name, position):
    got = rossmann.lesson_features(few_stores)[position]
    expected = pd.DataFrame(naive_features(few_stores, name)).set_index("row").sort_index()
    if name == "train":
        expected = expected[expected["Sales"] != 0]
    for column in rossmann.CATEGORICAL + rossmann.CONTINUOUS + ["AfterPromo", "BeforePromo", "Date"]:
        wanted = expected[column].reset_index(drop=True)
        pd.testing.assert_series_equal(got[column], wanted, check_dtype=False, check_names=False, obj=column)


def test_the_raw_tables_are_not_changed(rossmann, few_stores):
    before = {name: table.copy(deep=True) for name, table in few_stores.items()}
    rossmann.lesson_features(few_stores)
    for name, table in few_stores.items():
        pd.testing.assert_frame_equal(table, before[name])


def test_the_whole_table_has_the_lessons_rows_and_cardinalities(rossmann, few_stores, raw_train, data_dir):
    test = pd.read_csv(data_dir / "rossmann" / "test.csv", dtype={"StateHoliday": str}, parse_dates=["Date"])
    train, test = rossmann.lesson_features(few_stores | {"train": raw_train, "test": test})
    assert (len(raw_train), len(train), len(test)) == (1_017_209, 844_338, 41_088)
    assert train["Sales"].sum() == 5_873_180_623
    assert test["Id"].tolist() == list(range(1, 41_089))
    encoder = TableEncoder(rossmann.CATEGORICAL, rossmann.CONTINUOUS).fit(train)
    assert encoder.cardinalities == dict(zip(rossmann.CATEGORICAL, LESSON_CARDINALITIES, strict=True))
    assert encoder.value_names == [*rossmann.CONTINUOUS, "CompetitionDistance_na", "CloudCover_na"]
    codes, values = encoder.transform(test)
    assert codes.shape == (41_088, 22) and values.shape == (41_088, 18)
    assert np.isfinite(values).all()
    assert (codes[:, encoder.categorical.index("Store")] > 0).all()


def test_missing_files_are_named(rossmann, tmp_path):
    with pytest.raises(FileNotFoundError, match="no train.csv, test.csv"):
        rossmann.load_tables(tmp_path)


def test_the_example_goes_from_raw_tables_to_a_submission(rossmann, folder, capsys):
    learn = rossmann.main(["--data", str(folder), "--tiny"])
    submission = pd.read_csv(folder / "sub.csv").set_index("Id")["Sales"]
    raw = pd.read_csv(folder / "test.csv").set_index("Id")
    assert submission.index.tolist() == list(range(1, 41_089)) and submission.notna().all()
    assert (submission[raw["Open"] == 0] == 0).all() and (submission[raw["Open"] != 0] > 0).all()
    outputs, targets = learn.predict_with_targs()
    assert np.isfinite(kf.rmspe_score(np.exp(targets), np.exp(outputs)))
    assert "lesson counted" in capsys.readouterr().out
    assert {path.name for path in (folder / "plots").iterdir()} == {"states.png", "rossmann-loss.png"}


def test_a_smaller_run_beats_the_best_constant(rossmann, folder):
    keras.utils.set_random_seed(1)
    train, test = rossmann.lesson_features(rossmann.load_tables(folder))
    learn = rossmann.learner(rossmann.table_data(train, test, folder), (100, 50))
    score = learn.fit_one_cycle(6e-3, 25, 0.02).history["val_exp_rmspe"][-1]
    sold = np.exp(learn.data.valid.targets)
    assert score < 0.25 < min(kf.rmspe_score(sold, sold * 0 + guess) for guess in np.arange(1e3, 9e3, 100))


def test_the_lessons_score_is_the_mean_over_batches(rossmann):
    sold, shares = np.full((4, 1), 100.0), np.array([[0.1], [0.1], [0.3], [0.3]])
    outputs = np.log(sold * (1 - shares))
    assert rossmann.lesson_score(outputs, np.log(sold), batch=2) == pytest.approx(0.2)
