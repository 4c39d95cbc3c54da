# ruff: noqa
# The cells of lesson 1 and of the notes on lesson 3, "Quick Dogs vs. Cats", as the course has them.
from fastai.conv_learner import *
from fastai.plots import *

PATH = "data/dogscats/"
sz = 224
bs = 64
arch = resnet50

torch.cuda.is_available()
torch.backends.cudnn.enabled

# Looking at pictures
files = os.listdir(f"{PATH}valid/cats")[:5]
img = plt.imread(f"{PATH}valid/cats/{files[0]}")
plt.imshow(img)
img.shape

# Our first model: quick start
data = ImageClassifierData.from_paths(PATH, tfms=tfms_from_model(resnet34, sz))
learn = ConvLearner.pretrained(resnet34, data, precompute=True)
learn.fit(0.01, 2)

# Analyzing results: looking at pictures
data.val_y
data.classes
log_preds = learn.predict()
log_preds.shape
preds = np.argmax(log_preds, axis=1)
probs = np.exp(log_preds[:, 1])


def rand_by_mask(mask):
    return np.random.choice(np.where(mask)[0], min(len(preds), 4), replace=False)


def rand_by_correct(is_correct):
    return rand_by_mask((preds == data.val_y) == is_correct)


def plot_val_with_title(idxs, title):
    imgs = np.stack([data.val_ds[x][0] for x in idxs])
    title_probs = [probs[x] for x in idxs]
    print(title)
    return plots(data.val_ds.denorm(imgs), rows=1, titles=title_probs)


plot_val_with_title(rand_by_correct(True), "Correctly classified")


def load_img_id(ds, idx):
    return np.array(PIL.Image.open(PATH + ds.fnames[idx]))


load_img_id(data.val_ds, 0).shape

# Choosing a learning rate
learn = ConvLearner.pretrained(arch, data, precompute=True)
lrf = learn.lr_find()
learn.sched.plot_lr()
learn.sched.plot()

# Data augmentation
tfms = tfms_from_model(resnet34, sz, aug_tfms=transforms_side_on, max_zoom=1.1)


def get_augs():
    data = ImageClassifierData.from_paths(PATH, bs=2, tfms=tfms, num_workers=1)
    x, _ = next(iter(data.aug_dl))
    return data.trn_ds.denorm(x)[1]


ims = np.stack([get_augs() for i in range(6)])
plots(ims, rows=2)

data = ImageClassifierData.from_paths(PATH, tfms=tfms)
learn = ConvLearner.pretrained(arch, data, precompute=True)
learn.fit(1e-2, 1)
learn.precompute = False
learn.fit(1e-2, 3, cycle_len=1)
learn.sched.plot_lr()
learn.save("224_lastlayer")
learn.load("224_lastlayer")

# The notes: an end to end process to get a state of the art result
tfms = tfms_from_model(resnet50, sz, aug_tfms=transforms_side_on, max_zoom=1.1)
data = ImageClassifierData.from_paths(PATH, tfms=tfms, bs=bs, test_name="test")
learn = ConvLearner.pretrained(resnet50, data)
learn.fit(1e-2, 3, cycle_len=1)
learn.unfreeze()
learn.bn_freeze(True)
learn.fit([1e-5, 1e-4, 1e-2], 1, cycle_len=1)
learn.save("224_all")

log_preds, y = learn.TTA()
probs = np.mean(np.exp(log_preds), 0)
accuracy_np(probs, y)

# Analyzing results: confusion matrix
preds = np.argmax(probs, axis=1)
from sklearn.metrics import confusion_matrix

cm = confusion_matrix(y, preds)
plot_confusion_matrix(cm, data.classes)
results = ImageModelResults(data.val_ds, np.log(probs))
results.plot_most_correct(0)
results.plot_most_uncertain(1)

# Create submission file for Kaggle
log_preds, y = learn.TTA(is_test=True)
probs = np.mean(np.exp(log_preds), 0)  # the notes leave the mean out, which the released TTA needs

ds = pd.DataFrame(probs)
ds.columns = data.classes
ds.insert(0, "id", [o[5:-4] for o in data.test_ds.fnames])
SUBM = f"{PATH}sub/"
os.makedirs(SUBM, exist_ok=True)
ds.to_csv(f"{SUBM}subm.gz", compression="gzip", index=False)
FileLink(f"{SUBM}subm.gz")

# Individual prediction
fn = data.val_ds.fnames[0]
Image.open(PATH + fn)
trn_tfms, val_tfms = tfms_from_model(arch, sz)
im = val_tfms(open_image(PATH + fn))
preds = learn.predict_array(im[None])
np.argmax(preds)
