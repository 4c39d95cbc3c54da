"""The lesson's spreadsheet: a digit's way through a small network, every number in its cell.

    python examples/spreadsheet.py --out spreadsheet

trains two convolutions, max pooling and a fully connected layer on the digits of scikit-learn (8 x 8 pixels, made
16 x 16), and draws what becomes of a seven: `convolution.png`, `fully_connected.png`, and all of it in `network.png`;
softmax's table is `softmax.csv`.
"""

import argparse
import pathlib

import keras
import numpy as np
from sklearn.datasets import load_digits

import kerasfast as kf

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", default="spreadsheet", help="folder of the pictures (default: ./%(default)s)")
parser.add_argument("--digit", type=int, default=7, help="which digit to look at (default: %(default)s)")
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()
out = pathlib.Path(options.out)

keras.utils.set_random_seed(3)
digits = load_digits()
pictures = np.repeat(np.repeat(digits.images / 16, 2, axis=1), 2, axis=2).astype("float32")[..., None]
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((16, 16, 1)),
        layers.Conv2D(2, 3, activation="relu", name="conv1"),
        layers.Conv2D(2, 3, activation="relu", name="conv2"),
        layers.MaxPooling2D(name="max_pool"),
        layers.Flatten(),
        layers.Dense(10, "softmax", name="fully_connected"),
    ],
    name="digits",
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures[:1500], digits.target[:1500], epochs=options.epochs, verbose=0)
accuracy = model.evaluate(pictures[1500:], digits.target[1500:], verbose=0)[1]

picture = pictures[np.flatnonzero(digits.target == options.digit)[-1]]
kf.save_figure(kf.look.convolution(picture, model.get_layer("conv1")), out / "convolution.png")
pooled = keras.Model(model.inputs[0], model.get_layer("max_pool").output)(picture[None])[0]
dense = model.get_layer("fully_connected")
kf.save_figure(kf.look.fully_connected(pooled, dense, unit=options.digit), out / "fully_connected.png")
kf.save_figure(kf.look.network(picture, model, classes=[str(digit) for digit in range(10)]), out / "network.png")

scores = np.asarray(keras.ops.matmul(np.reshape(pooled, (1, -1)), dense.kernel))[0] + np.asarray(dense.bias)
table = kf.look.softmax(scores, [str(digit) for digit in range(10)])
table.to_csv(out / "softmax.csv")
print(f"accuracy on digits that were held out: {accuracy:.3f}")
print(table.round(3))
