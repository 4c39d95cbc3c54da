# ruff: noqa
# The cells of lesson 3 (and 4) on the Rossmann store sales, after the tables were joined, as the course has them.
from fastai.structured import *
from fastai.column_data import *

np.set_printoptions(threshold=50, edgeitems=20)

PATH = "data/rossmann/"


def concat_csvs(dirname):
    raise NotImplementedError


def join_df(left, right, left_on, right_on=None, suffix="_y"):
    if right_on is None:
        right_on = left_on
    return left.merge(right, how="left", left_on=left_on, right_on=right_on, suffixes=("", suffix))


table_names = ["train", "store", "store_states", "state_names", "googletrend", "weather", "test"]
tables = [pd.read_csv(f"{PATH}{fname}.csv", low_memory=False) for fname in table_names]
for t in tables:
    display(t.head())
train, store, store_states, state_names, googletrend, weather, test = tables
len(train), len(test)

train.StateHoliday = train.StateHoliday != "0"
test.StateHoliday = test.StateHoliday != "0"
weather = join_df(weather, state_names, "file", "StateName")
add_datepart(weather, "Date", drop=False)
add_datepart(train, "Date", drop=False)
add_datepart(test, "Date", drop=False)

store = join_df(store, store_states, "Store")
joined = join_df(train, store, "Store")
joined_test = join_df(test, store, "Store")
joined = join_df(joined, weather, ["State", "Date"])
joined_test = join_df(joined_test, weather, ["State", "Date"])
for df in (joined, joined_test):
    for c in df.columns:
        if c.endswith("_y"):
            if c in df.columns:
                df.drop(c, inplace=True, axis=1)

for df in (joined, joined_test):
    df["CompetitionOpenSinceYear"] = df.CompetitionOpenSinceYear.fillna(1900).astype(np.int32)
    df["Promo2SinceYear"] = df.Promo2SinceYear.fillna(1900).astype(np.int32)

joined = joined[joined.Sales != 0]

cat_vars = [
    "Store",
    "DayOfWeek",
    "Year",
    "Month",
    "Day",
    "StateHoliday",
    "StoreType",
    "Assortment",
    "PromoInterval",
    "CompetitionOpenSinceYear",
    "Promo2SinceYear",
    "State",
    "Week",
    "Events",
]
contin_vars = [
    "CompetitionDistance",
    "Max_TemperatureC",
    "Mean_TemperatureC",
    "Min_TemperatureC",
    "Max_Humidity",
    "Mean_Humidity",
    "Min_Humidity",
    "Max_Wind_SpeedKm_h",
    "Mean_Wind_SpeedKm_h",
    "CloudCover",
    "Promo",
    "SchoolHoliday",
]
n = len(joined)

dep = "Sales"
joined = joined[cat_vars + contin_vars + [dep, "Date"]].copy()
joined_test[dep] = 0
joined_test = joined_test[cat_vars + contin_vars + [dep, "Date", "Id"]].copy()

for v in cat_vars:
    joined[v] = joined[v].astype("category").cat.as_ordered()
apply_cats(joined_test, joined)
for v in contin_vars:
    joined[v] = joined[v].fillna(0).astype("float32")
    joined_test[v] = joined_test[v].fillna(0).astype("float32")

idxs = get_cv_idxs(n, val_pct=SAMPLE / n)
joined_samp = joined.iloc[idxs].set_index("Date")
samp_size = len(joined_samp)

df, y, nas, mapper = proc_df(joined_samp, "Sales", do_scale=True)
yl = np.log(y)
joined_test = joined_test.set_index("Date")
df_test, _, nas, mapper = proc_df(joined_test, "Sales", do_scale=True, skip_flds=["Id"], mapper=mapper, na_dict=nas)

train_ratio = 0.75
train_size = int(samp_size * train_ratio)
val_idx = list(range(train_size, len(df)))


def inv_y(a):
    return np.exp(a)


def exp_rmspe(y_pred, targ):
    targ = inv_y(targ)
    pct_var = (targ - inv_y(y_pred)) / targ
    return math.sqrt((pct_var**2).mean())


max_log_y = np.max(yl)
y_range = (0, max_log_y * 1.2)

md = ColumnarModelData.from_data_frame(
    PATH, val_idx, df, yl.astype(np.float32), cat_flds=cat_vars, bs=128, test_df=df_test
)
cat_sz = [(c, len(joined_samp[c].cat.categories) + 1) for c in cat_vars]
emb_szs = [(c, min(50, (c + 1) // 2)) for _, c in cat_sz]

m = md.get_learner(emb_szs, len(df.columns) - len(cat_vars), 0.04, 1, [1000, 500], [0.001, 0.01], y_range=y_range)
lr = 1e-3
m.lr_find()
m.sched.plot(10)
m.fit(lr, 2, metrics=[exp_rmspe])
m.fit(lr, 1, metrics=[exp_rmspe], cycle_len=1)

m.save("val0")
m.load("val0")
x, y = m.predict_with_targs()
score = exp_rmspe(x, y)
pred_test = m.predict(True)
pred_test = np.exp(pred_test)

joined_test["Sales"] = pred_test
csv_fn = f"{PATH}tmp/sub.csv"
os.makedirs(f"{PATH}tmp", exist_ok=True)
joined_test[["Id", "Sales"]].to_csv(csv_fn, index=False)
FileLink(csv_fn)
