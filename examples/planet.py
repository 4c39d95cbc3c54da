"""Lessons 2 and 3: tag pictures of the Amazon from space, from small pictures to large ones, and submit.

The code is the course's; only the import differs. DIR holds train_v2.csv, train-jpg/ and, for a submission, test-jpg/:

    python examples/planet.py --data DIR [--backbone NAME] [--weights FILE] [--tiny]
"""

# ruff: noqa: F403, F405
# %% What the lesson uses
from common import Settings, save_plot

from kerasfast.fastai.conv_learner import *
from kerasfast.fastai.planet import f2, opt_th
from kerasfast.fastai.plots import *

# %% The data and the network
settings = Settings.parse(__doc__)
PATH, f_model = settings.path, settings.backbone
label_csv = f"{PATH}train_v2.csv"
n = len(pd.read_csv(label_csv))
val_idxs = get_cv_idxs(n)
test_name = "test-jpg" if os.path.isdir(f"{PATH}test-jpg") else None


bs = 8 if settings.tiny else 64


def get_data(sz):
    tfms = tfms_from_model(f_model, sz, aug_tfms=transforms_top_down, max_zoom=1.05)
    return ImageClassifierData.from_csv(
        PATH, "train-jpg", label_csv, bs=bs, tfms=tfms, suffix=".jpg", val_idxs=val_idxs, test_name=test_name
    )


# %% Look at the pictures, brightened up
data = get_data(64 if settings.tiny else 256)
x, y = next(iter(data.val_dl))
print([name for name, tag in zip(data.classes, y[0], strict=True) if tag])
plots(data.val_ds.denorm(to_np(x))[:4] * 1.4)
save_plot(settings, "pictures")

# %% Small pictures first; each size starts from what the one before has learned
found, lr, learn = {}, 0.2, None
cycles = 1 if settings.tiny else 3
for sz in (32, 48) if settings.tiny else (64, 128, 256):
    data = get_data(sz).resize(int(sz * 1.3), "tmp")
    if learn is None:
        learn = ConvLearner.pretrained(f_model, data, metrics=[f2], weights=settings.weights)
        learn.lr_find()
        learn.sched.plot()
        save_plot(settings, "learning-rate-finder")
    else:
        learn.set_data(data)
    learn.fit(lr, cycles, cycle_len=1, cycle_mult=2)
    lrs = np.array([lr / 9, lr / 3, lr])
    learn.unfreeze()
    found[f"f2_{sz}"] = learn.fit(lrs / 2, cycles, cycle_len=1, cycle_mult=2)[1]
    learn.save(f"{sz}")
    learn.sched.plot_loss()
    save_plot(settings, f"loss-{sz}")

# %% Average the predictions of five views, and choose the threshold
multi_preds, y = learn.TTA()
preds = np.mean(multi_preds, 0)
found["tta"], threshold = f2(preds, y), opt_th(preds, y)
print(f"F2 {found['tta']:.4f} at {threshold:.2f}")

# %% A submission
if test_name:
    preds = np.mean(learn.TTA(is_test=True)[0], 0)
    tags = [" ".join(np.array(data.classes)[row > threshold]) for row in preds]
    names = [os.path.basename(fn)[:-4] for fn in data.test_ds.fnames]
    os.makedirs(f"{PATH}sub", exist_ok=True)
    pd.DataFrame({"image_name": names, "tags": tags}).to_csv(f"{PATH}sub/subm.csv", index=False)

print({name: round(float(value), 4) for name, value in found.items()})
