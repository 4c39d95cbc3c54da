"""The Keras code of lesson 3's notes in Keras 3, side by side with kerasfast, on the same pictures and network.

Both train a head on the frozen network, then half of the network as well. The notes' code says what to do to the
pictures, freezes layer by layer, compiles twice and unfreezes with RMSprop at its own rate; kerasfast is the second
part.
DIR holds train/{cats,dogs} and valid/{cats,dogs}:

    python examples/keras_lesson1.py --data DIR [--backbone mobilenet --weights FILE] [--tiny]
"""

# %% What both use
import inspect
import time

import keras
from common import Settings
from keras import layers

import kerasfast as kf

settings = Settings.parse(__doc__)
sz, batch_size, epochs = (64, 4, 1) if settings.tiny else (224, 64, 3)
backbone = kf.backbones.get(settings.backbone)


# %% Plain Keras 3: the notes' code
def plain_keras() -> tuple[float, float]:
    # 1. Data, augmented and read by hand (ImageDataGenerator is gone from Keras 3)
    read = lambda name, shuffle: keras.utils.image_dataset_from_directory(
        f"{settings.path}{name}", image_size=(sz, sz), batch_size=batch_size, shuffle=shuffle, seed=0, verbose=False
    )
    augmentation = keras.Sequential(
        [layers.RandomShear(0.2, 0.2), layers.RandomZoom(0.2), layers.RandomFlip("horizontal")]
    )
    train = read("train", True).map(lambda x, y: (augmentation(x, training=True), y)).prefetch(2)
    valid = read("valid", False).prefetch(2)
    # 2. A model
    base_model = backbone.create(weights=settings.weights)
    first_late_layer = backbone.split_layer(base_model)  # the notes' 140
    x = layers.GlobalAveragePooling2D()(base_model.output)
    x = layers.Dense(1024, activation="relu")(x)
    predictions = layers.Dense(1, activation="sigmoid")(x)
    # 3. Freeze layers and compile
    model = keras.Model(inputs=base_model.input, outputs=predictions)
    for layer in base_model.layers:
        layer.trainable = False
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    # 4. Fit
    history = model.fit(train, validation_data=valid, epochs=epochs, shuffle=False, verbose=2)
    before = history.history["val_accuracy"][-1]
    # 5. Unfreeze some layers, compile, then fit again
    split_at = model.layers.index(model.get_layer(first_late_layer))
    for layer in model.layers[:split_at]:
        layer.trainable = False
    for layer in model.layers[split_at:]:
        layer.trainable = True
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(train, validation_data=valid, epochs=1, shuffle=False, verbose=2)
    return before, history.history["val_accuracy"][-1]


# %% kerasfast: the same in its own words
def kerasfast() -> tuple[float, float]:
    transforms = kf.transforms_side_on(sz, max_zoom=1.1)
    data = kf.ImageData.from_folders(settings.path, transforms=transforms, batch_size=batch_size)
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(512,), weights=settings.weights)
    before = learn.fit(1e-2, epochs, cycle_len=1).history["val_accuracy"][-1]
    learn.bn_freeze(True)
    learn.freeze_to(-2)
    return before, learn.fit([1e-5, 1e-4, 1e-3], 1, cycle_len=1).history["val_accuracy"][-1]


# %% Side by side
found = {}
for method in (plain_keras, kerasfast):
    keras.utils.set_random_seed(42)
    started = time.perf_counter()
    before, after = method()
    code = [line for line in inspect.getsource(method).splitlines()[1:] if not line.strip().startswith("#")]
    found[method.__name__] = {
        "lines": len(code), "seconds": time.perf_counter() - started, "frozen": before, "unfrozen": after,
    }  # fmt: skip

print(f"{'':12}{'lines':>8}{'seconds':>10}{'frozen':>10}{'unfrozen':>10}")
for name, row in found.items():
    print(f"{name:12}{row['lines']:8d}{row['seconds']:10.1f}{row['frozen']:10.4f}{row['unfrozen']:10.4f}")
