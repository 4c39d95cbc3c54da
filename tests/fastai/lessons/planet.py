# ruff: noqa
# The cells of the notes on lesson 3, "Planet Competition", as the course has them.
from fastai.conv_learner import *
from fastai.planet import f2

PATH = "data/planet/"

metrics = [f2]
f_model = resnet34
label_csv = f"{PATH}train_v2.csv"
n = len(list(open(label_csv))) - 1
val_idxs = get_cv_idxs(n)


def get_data(sz):
    tfms = tfms_from_model(f_model, sz, aug_tfms=transforms_top_down, max_zoom=1.05)
    return ImageClassifierData.from_csv(
        PATH, "train-jpg", label_csv, tfms=tfms, suffix=".jpg", val_idxs=val_idxs, test_name="test-jpg"
    )


data = get_data(256)
x, y = next(iter(data.val_dl))
tags = list(zip(data.classes, y[0]))
tags

plt.imshow(data.val_ds.denorm(to_np(x))[0] * 1.4)

sz = 64
data = get_data(sz)
data = data.resize(int(sz * 1.3), "tmp")

learn = ConvLearner.pretrained(f_model, data, metrics=metrics)
learn.lr_find()
learn.sched.plot()
lr = 0.2
learn.fit(lr, 3, cycle_len=1, cycle_mult=2)
first = learn.sched.rec_metrics
lrs = np.array([lr / 9, lr / 3, lr])
learn.unfreeze()
learn.fit(lrs, 3, cycle_len=1, cycle_mult=2)
learn.save(f"{sz}")
learn.sched.plot_loss()

sz = 128
learn.set_data(get_data(sz))
learn.freeze()
learn.fit(lr, 3, cycle_len=1, cycle_mult=2)
learn.unfreeze()
learn.fit(lrs, 3, cycle_len=1, cycle_mult=2)
learn.save(f"{sz}")

multi_preds, y = learn.TTA()
preds = np.mean(multi_preds, 0)
score = f2(preds, y)

# As the notes have it, which take the exponential of what are probabilities here
log_preds, y = learn.TTA()
preds = np.mean(np.exp(log_preds), 0)

data.trn_ds[0][0].shape
data.test_ds.fnames[:2]
learn.summary()
