"""Lesson 3: predict the sales of 1,115 stores, from the raw tables of the Rossmann competition to a submission.

DIR holds train.csv, test.csv, store.csv, store_states.csv, state_names.csv, googletrend.csv and weather.csv; the
submission (sub.csv), plots and the exported model are written there too:

    python examples/rossmann.py --data DIR [--tiny]
"""

# %% What the lesson uses
import argparse
import os
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd

import kerasfast as kf
from kerasfast.tabular import add_date_parts, add_elapsed, add_rolling, join_df

TABLES = ("train", "test", "store", "store_states", "state_names", "googletrend", "weather")
EVENTS = ["SchoolHoliday", "StateHoliday", "Promo"]
TARGET = "Sales"
CATEGORICAL = [
    "Store", "DayOfWeek", "Year", "Month", "Day", "StateHoliday", "CompetitionMonthsOpen", "Promo2Weeks", "StoreType",
    "Assortment", "PromoInterval", "CompetitionOpenSinceYear", "Promo2SinceYear", "State", "Week", "Events", "Promo_fw",
    "Promo_bw", "StateHoliday_fw", "StateHoliday_bw", "SchoolHoliday_fw", "SchoolHoliday_bw",
]  # fmt: skip
CONTINUOUS = [
    "CompetitionDistance", "Max_TemperatureC", "Mean_TemperatureC", "Min_TemperatureC", "Max_Humidity", "Mean_Humidity",
    "Min_Humidity", "Max_Wind_SpeedKm_h", "Mean_Wind_SpeedKm_h", "CloudCover", "trend", "trend_DE", "AfterStateHoliday",
    "BeforeStateHoliday", "Promo", "SchoolHoliday",
]  # fmt: skip

RATE, EPOCHS, WEIGHT_DECAY = 6e-3, 8, 0.02


# %% The raw tables
def load_tables(folder: str | os.PathLike) -> dict[str, pd.DataFrame]:
    """Read the seven CSV files of the lesson.

    Args:
        folder: where they are.

    Raises:
        FileNotFoundError: naming the files that are not there.
    """
    paths = {name: pathlib.Path(folder) / f"{name}.csv" for name in TABLES}
    absent = [path.name for path in paths.values() if not path.is_file()]
    if absent:
        raise FileNotFoundError(f"no {', '.join(absent)} in {str(folder)!r}; download the lesson's Rossmann tables.")
    # StateHoliday is "0", "a", "b" or "c"; read without a type, parts of the file become the number 0.
    read = {"train": {"dtype": {"StateHoliday": str}}, "test": {"dtype": {"StateHoliday": str}}}
    tables = {name: pd.read_csv(path, **read.get(name, {})) for name, path in paths.items()}
    for name in ("train", "test", "weather"):
        tables[name]["Date"] = pd.to_datetime(tables[name]["Date"])
    return tables


# %% The lesson's features
def lesson_features(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test table with all features of the lesson, in the order of the raw files.

    As in the lesson: training rows without sales are left out after the features that look around in time were made;
    these are made for the training and the test table apart; a day before the first (after the last) event of its
    store is 0 days away from it, like the event's own day; days until an event are negative; the search trend of an
    ISO week is the one of the days Sunday to Saturday that begin on this week's Sunday.

    Args:
        tables: as `load_tables` returns them; they are not changed.

    Returns:
        Two tables with the columns of CATEGORICAL and CONTINUOUS, Date, the rest of the joined columns,
        and Sales (training) or Id (test).
    """
    stores = _stores(tables["store"], tables["store_states"])
    trends = _trends(tables["googletrend"])
    weather = join_df(tables["weather"], tables["state_names"], "file", "StateName", check=True)
    weather = weather.drop(columns=["file", "StateName"])
    features = []
    for name in ("train", "test"):
        sales = tables[name].assign(StateHoliday=tables[name]["StateHoliday"] != "0")
        sales = _around_events(sales)
        if TARGET in sales:
            sales = sales[sales[TARGET] != 0]
        sales = add_date_parts(sales, "Date")
        sales = join_df(sales, stores, "Store", check=True)
        sales = _join_trends(sales, trends)
        sales = join_df(sales, weather, ["State", "Date"], check=True)
        features.append(_since_opening(sales))
    return features[0], features[1]


def _around_events(sales: pd.DataFrame) -> pd.DataFrame:
    """Days since and until each event, and events in the last and the next seven rows of the store."""
    around = add_elapsed(sales, EVENTS, "Store", "Date", never=0, signed=True)
    return add_rolling(around, EVENTS, "Store", "Date", window=7)


def _stores(store: pd.DataFrame, store_states: pd.DataFrame) -> pd.DataFrame:
    """Add the state, and the dates since when there have been a competitor and the second promotion."""
    unknown = {
        "CompetitionOpenSinceYear": 1900,
        "CompetitionOpenSinceMonth": 1,
        "Promo2SinceYear": 1900,
        "Promo2SinceWeek": 1,
    }
    joined = join_df(store, store_states, "Store", check=True).fillna(unknown).astype(dict.fromkeys(unknown, "int32"))
    month = {"year": joined["CompetitionOpenSinceYear"], "month": joined["CompetitionOpenSinceMonth"], "day": 15}
    week = joined["Promo2SinceYear"].astype(str) + "-" + joined["Promo2SinceWeek"].astype(str)
    return joined.assign(
        CompetitionOpenSince=pd.to_datetime(month), Promo2Since=pd.to_datetime(week + "-1", format="%G-%V-%u")
    )


def _since_opening(sales: pd.DataFrame) -> pd.DataFrame:
    """Months since the competitor opened (up to 24) and weeks since the second promotion began (up to 25)."""
    competition = _days_since(sales, "CompetitionOpenSince")
    promotion = _days_since(sales, "Promo2Since")
    return sales.assign(
        CompetitionDaysOpen=competition,
        CompetitionMonthsOpen=(competition // 30).clip(upper=24),
        Promo2Days=promotion,
        Promo2Weeks=(promotion // 7).clip(upper=25),
    )


def _days_since(sales: pd.DataFrame, start: str) -> pd.Series:
    """Whole days, 0 before the start and for a start before 1990, which stands for unknown or a wrong entry."""
    days = (sales["Date"] - sales[start]).dt.days.clip(lower=0)
    return days.where(sales[start] >= "1990", 0).astype("int32")


def _trends(googletrend: pd.DataFrame) -> pd.DataFrame:
    """Give each weekly search trend its state, year and ISO week; the whole country has no state."""
    began = googletrend["week"].str.split(" - ").str[0]
    state = googletrend["file"].str.split("_").str[2].replace("NI", "HB,NI")
    dated = add_date_parts(pd.DataFrame({"Date": began}), "Date")
    return pd.DataFrame({"State": state, "trend": googletrend["trend"], "Year": dated["Year"], "Week": dated["Week"]})


def _join_trends(sales: pd.DataFrame, trends: pd.DataFrame) -> pd.DataFrame:
    """Join the trend of the state and that of the country."""
    country = trends[trends["State"].isna()].drop(columns="State").rename(columns={"trend": "trend_DE"})
    joined = join_df(sales, trends[trends["State"].notna()], ["State", "Year", "Week"], check=True)
    return join_df(joined, country, ["Year", "Week"], check=True)


# %% The data of the model
def table_data(train: pd.DataFrame, test: pd.DataFrame, path: str | os.PathLike) -> kf.TableData:
    """Return encoded rows: the lesson's 48 days for validation, logarithms of the sales as the target."""
    return kf.TableData.from_frame(
        train, TARGET, categorical=CATEGORICAL, continuous=CONTINUOUS, log=True,
        valid_dates=("Date", "2014-08-01", "2014-09-17"), test=test, batch_size=512, path=path,
    )  # fmt: skip


# %% The model
def learner(data: kf.TableData, hidden: Sequence[int] = (1000, 500)) -> kf.TableLearner:
    """Return the lesson's model: predictions reach up to 1.2 times the largest logarithm."""
    return kf.TableLearner.entity_embeddings(
        data, hidden, dropout=[0.001, 0.01], embedding_dropout=0.04, y_range=(0, float(data.train.targets.max()) * 1.2)
    )


# %% The submission
def write_submission(learn: kf.TableLearner, raw: pd.DataFrame, test: pd.DataFrame, path: pathlib.Path) -> None:
    """Write Id and Sales; a closed store sells nothing, and one of which nothing is said counts as open."""
    sales = learn.predict_frame(test)[TARGET].where(raw["Open"].to_numpy() != 0, 0.0)
    submission = pd.DataFrame({"Id": test["Id"], "Sales": sales})
    submission.to_csv(path, index=False)
    print(f"{path}: {len(submission):,} rows, {int((sales == 0).sum()):,} of closed stores")


# %% Run
def main(arguments: Sequence[str] | None = None) -> kf.TableLearner:
    """Make the features, train, look at what was learned and write the submission."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of the tables; results go there too")
    parser.add_argument("--tiny", action="store_true", help="a small network and few rows, to see that it runs")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(42)

    # %% Features
    tables = load_tables(options.data)
    start = time.perf_counter()
    train, test = lesson_features(tables)
    print(f"{len(train):,} training and {len(test):,} test rows in {time.perf_counter() - start:.1f} s")
    data = table_data(train[train["Store"] % 10 == 0] if options.tiny else train, test, options.data)
    print(", ".join(f"{name} {cardinality}" for name, cardinality in data.cardinalities.items()))

    # %% Training
    learn = learner(data, (50, 25) if options.tiny else (1000, 500))
    start = time.perf_counter()
    learn.fit_one_cycle(RATE, 1 if options.tiny else EPOCHS, WEIGHT_DECAY)
    print(f"trained in {time.perf_counter() - start:.0f} s")
    outputs, targets = learn.predict_with_targs()
    print(f"RMSPE {kf.rmspe_score(np.exp(targets), np.exp(outputs)):.4f} over all validation rows,")
    print(f"      {lesson_score(outputs, targets):.4f} as the lesson counted")

    # %% What was learned
    plots = options.data / "plots"
    kf.save_figure(learn.plot_embeddings("State"), plots / "states.png")
    kf.save_figure(learn.recorder.plot_losses(), plots / "rossmann-loss.png")
    print(learn.importance(rows=5000).head(10).to_string(float_format="{:.4f}".format))

    # %% The submission and the model as one file
    write_submission(learn, tables["test"], test, options.data / "sub.csv")
    learn.export(options.data / "rossmann.kerasfast")
    return learn


def lesson_score(outputs: np.ndarray, targets: np.ndarray, batch: int = 128) -> float:
    """Return the mean of the RMSPE of each batch, which the course printed; it is smaller than that of all rows."""
    shares = np.square(1 - np.exp(outputs - targets))[:, 0]
    return float(np.mean([np.sqrt(shares[start : start + batch].mean()) for start in range(0, len(shares), batch)]))


if __name__ == "__main__":
    main()
