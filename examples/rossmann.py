"""The course's Rossmann lesson: from the raw tables of the competition to the features of its model.

Run it with the folder that holds train.csv, test.csv, store.csv, store_states.csv, state_names.csv,
googletrend.csv and weather.csv:

    python examples/rossmann.py data/rossmann
"""

# %% What the lesson uses
import os
import pathlib
import sys
import time

import pandas as pd

from kerasfast.tabular import TableEncoder, add_date_parts, add_elapsed, add_rolling, join_df

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


# %% Run
def main(folder: str) -> None:
    """Make the features and print what the model will see."""
    tables = load_tables(folder)
    start = time.perf_counter()
    train, test = lesson_features(tables)
    print(f"{len(train):,} training and {len(test):,} test rows in {time.perf_counter() - start:.1f} s")
    encoder = TableEncoder(CATEGORICAL, CONTINUOUS)
    codes, values = encoder.fit_transform(train)
    print(f"codes {codes.shape}, values {values.shape}: {', '.join(encoder.value_names)}")
    print(", ".join(f"{name} {cardinality}" for name, cardinality in encoder.cardinalities.items()))
    encoder.transform(test)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
