"""Lesson 2: classes in a CSV file, as in Kaggle's dog breeds; one class per picture, so the loss can be compared.

The code is the course's; only the import differs. DIR holds labels.csv (id, breed), train/ and test/ with <id>.jpg:

    python examples/dog_breeds.py --data DIR [--backbone NAME] [--weights FILE] [--tiny]
"""

# ruff: noqa: F403, F405
# %% What the lesson uses
from common import Settings, save_plot

from kerasfast.fastai.conv_learner import *
from kerasfast.fastai.plots import *

# %% The data and the network
settings = Settings.parse(__doc__)
PATH, arch = settings.path, settings.backbone
sz, bs = (64, 4) if settings.tiny else (224, 58)
label_csv = f"{PATH}labels.csv"
n = len(pd.read_csv(label_csv))
val_idxs = get_cv_idxs(n)

# %% How many pictures of each class, and how large
label_df = pd.read_csv(label_csv)
print(label_df.groupby("breed").size().sort_values(ascending=False).head())


def get_data(sz, bs):
    tfms = tfms_from_model(arch, sz, aug_tfms=transforms_side_on, max_zoom=1.1)
    return ImageClassifierData.from_csv(
        PATH, "train", label_csv, bs=bs, tfms=tfms, val_idxs=val_idxs, suffix=".jpg", test_name="test"
    )


data = get_data(sz, bs)
size_d = {k: PIL.Image.open(PATH + k).size for k in data.trn_ds.fnames}
row_sz, col_sz = list(zip(*size_d.values(), strict=True))
plt.hist([row_sz, col_sz], label=["width", "height"])
plt.legend()
save_plot(settings, "sizes")

# %% The head on stored activations, then augmentation, then larger pictures
learn = ConvLearner.pretrained(arch, data, precompute=True, ps=0.5, weights=settings.weights)
learn.fit(1e-2, 2 if settings.tiny else 5)
learn.precompute = False
learn.fit(1e-2, 1 if settings.tiny else 2, cycle_len=1)
learn.save("224_pre")
learn.set_data(get_data(int(sz * 1.33), bs))
learn.freeze()
learn.fit(1e-2, 1 if settings.tiny else 2, cycle_len=1, cycle_mult=2)

# %% Loss and accuracy with test-time augmentation
log_preds, y = learn.TTA()
probs = np.mean(np.exp(log_preds), 0)
found = {"loss": float(-np.mean(np.log(probs[np.arange(len(y)), y]))), "accuracy": accuracy_np(probs, y)}

# %% A submission: a column of probabilities per class
log_preds, _ = learn.TTA(is_test=True)
ds = pd.DataFrame(np.mean(np.exp(log_preds), 0), columns=data.classes)
ds.insert(0, "id", [o[5:-4] for o in data.test_ds.fnames])
os.makedirs(f"{PATH}subm", exist_ok=True)
ds.to_csv(f"{PATH}subm/subm.gz", compression="gzip", index=False)

print({name: round(float(value), 4) for name, value in found.items()})
