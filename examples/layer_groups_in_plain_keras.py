"""Layer-group rates, restarts, a rate finder and freezing in plain Keras: no Learner, only compile and fit.

DIR holds train/ and valid/, each with a folder per class:

    python examples/layer_groups_in_plain_keras.py --data DIR [--backbone mobilenet --weights FILE] [--tiny]
"""

# %% What it uses
import keras
from common import Settings
from matplotlib.figure import Figure

import kerasfast as kf

# %% The data as Keras has it
settings = Settings.parse(__doc__)


def dataset(folder: str, size: int, shuffle: bool):
    """Return batches of pictures and class numbers."""
    return keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=16, shuffle=shuffle, seed=0, verbose=False
    )


size = 64 if settings.tiny else 224
train, valid = (dataset(f"{settings.path}{name}", size, name == "train") for name in ("train", "valid"))
classes = len(train.class_names)
backbone = kf.backbones.get(settings.backbone)
base = backbone.create(weights=settings.weights)
x = keras.layers.GlobalAveragePooling2D(name="pool")(base.output)
model = keras.Model(base.input, keras.layers.Dense(classes, activation="softmax", name="classes")(x))

# %% Three groups, by layer: early backbone, late backbone, head
groups = kf.LayerGroups.split(model, [backbone.split_layer(base), "pool"])
optimizer = kf.grouped(keras.optimizers.Adam, groups, learning_rates=[1e-5, 1e-4, 1e-3])
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
print(groups)

# %% Freeze without compiling again, and look for a rate
groups.freeze_to(-1)
found = kf.find_learning_rate(model, train, steps=20 if settings.tiny else 100)
figure = Figure(figsize=(10, 4), layout="constrained")
finder_axes, rates_axes = figure.subplots(1, 2)
found.plot(ax=finder_axes)

# %% The head with restarts: a cycle of one epoch, then one of two
restarts = kf.Schedule(learning_rate=kf.sgdr(cycle_len=1, cycle_mult=2))
epochs = 1 if settings.tiny else 3
history = model.fit(train, validation_data=valid, epochs=epochs, callbacks=[restarts], shuffle=False, verbose=2)
accuracy = {"head": history.history["val_accuracy"][-1]}

# %% Everything, each group at its own rate
groups.bn_freeze(True)
groups.unfreeze()
recorder = kf.Recorder()
cycle = kf.Schedule(learning_rate=kf.one_cycle(1))
history = model.fit(train, validation_data=valid, epochs=1, callbacks=[cycle, recorder], shuffle=False, verbose=2)
accuracy["unfrozen"] = history.history["val_accuracy"][-1]

# %% What was applied, step by step
recorder.plot_rates(ax=rates_axes)
file = f"{settings.path}plots/layer-groups.png"
kf.save_figure(figure, file)
settings.plots.append(file)
print({name: round(float(value), 4) for name, value in accuracy.items()})
