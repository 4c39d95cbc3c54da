"""Lesson 1, and the quick Dogs vs Cats of lesson 3: look, train the head, augment, unfreeze, average, submit.

The code is the course's; only the import differs. DIR holds train/{cats,dogs}, valid/{cats,dogs} and test/:

    python examples/dogs_cats.py --data DIR [--backbone NAME] [--weights FILE] [--tiny]

Plots go to DIR/plots, weights to DIR/models, the submission to DIR/sub.
"""

# ruff: noqa: F403, F405
# %% What the lesson uses
from common import Settings, save_plot

from kerasfast.fastai.conv_learner import *
from kerasfast.fastai.plots import *

# %% The data and the network
settings = Settings.parse(__doc__)
PATH, arch = settings.path, settings.backbone
sz, bs = (64, 4) if settings.tiny else (224, 64)
found = {}

# %% Look at the pictures
tfms = tfms_from_model(arch, sz, aug_tfms=transforms_side_on, max_zoom=1.1)
data = ImageClassifierData.from_paths(PATH, bs=bs, tfms=tfms, test_name="test")
print(data.classes, data.trn_ds.fnames[:2], data.val_y[:5])
plots_from_files([PATH + name for name in data.val_ds.fnames[:4]], titles=data.val_ds.fnames[:4])
save_plot(settings, "pictures")
plots(np.stack([data.trn_ds.denorm(data.aug_dl.dataset[1][0])[0] for _ in range(6)]), rows=2)
save_plot(settings, "augmentation")

# %% Train the head on stored activations
learn = ConvLearner.pretrained(arch, data, precompute=True, weights=settings.weights)
learn.lr_find()
learn.sched.plot()
save_plot(settings, "learning-rate-finder")
found["head"] = learn.fit(1e-2, 2)[1]

# %% Then on augmented pictures, with restarts
learn.precompute = False
found["augmented"] = learn.fit(1e-2, 1 if settings.tiny else 2, cycle_len=1)[1]
learn.sched.plot_lr()
save_plot(settings, "restarts")
learn.save("last-layer")

# %% Then the whole network: small rates, least for early layers; photographs like ImageNet's keep its statistics
learn.bn_freeze(True)
learn.unfreeze()
found["unfrozen"] = learn.fit(np.array([3e-6, 3e-5, 3e-4]), 1, cycle_len=1, cycle_mult=2)[1]

# %% Average the predictions of five views
log_preds, y = learn.TTA()
probs = np.mean(np.exp(log_preds), 0)
found["tta"] = accuracy_np(probs, y)

# %% What it gets right and wrong
preds = np.argmax(probs, axis=1)
counts = np.array([[np.sum((y == row) & (preds == column)) for column in range(data.c)] for row in range(data.c)])
plot_confusion_matrix(counts, data.classes)
save_plot(settings, "confusion-matrix")
results = ImageModelResults(data.val_ds, np.log(probs))
for name in ("most_correct", "most_incorrect", "most_uncertain"):
    getattr(results, f"plot_{name}")(0)
    if plt.get_fignums():
        save_plot(settings, name.replace("_", "-"))

# %% A submission
log_preds, _ = learn.TTA(is_test=True)
ds = pd.DataFrame(np.mean(np.exp(log_preds), 0), columns=data.classes)
ds.insert(0, "id", [o[5:-4] for o in data.test_ds.fnames])
os.makedirs(f"{PATH}sub", exist_ok=True)
ds.to_csv(f"{PATH}sub/subm.gz", compression="gzip", index=False)

# %% One picture
fn = data.val_ds.fnames[0]
im = tfms[1](open_image(PATH + fn))
print(fn, data.classes[np.argmax(learn.predict_array(im[None]))])

print({name: round(float(value), 4) for name, value in found.items()})
