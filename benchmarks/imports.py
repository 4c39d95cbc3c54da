# %% What importing costs: TensorFlow, Keras, kerasfast, the command line's help
"""Usage: python benchmarks/imports.py [--repeats 5]"""

import argparse
import subprocess
import sys

from timing import Cost, cost, interleaved, print_costs, print_versions

PROGRAMS = {
    "python alone": ["-c", "pass"],
    "kerasfast --help": ["-m", "kerasfast", "--help"],
    "import kerasfast": ["-c", "import kerasfast"],
    "import tensorflow": ["-c", "import tensorflow"],
    "import tensorflow, keras": ["-c", "import tensorflow, keras; keras.layers, keras.optimizers, keras.callbacks"],
    "... and all of kerasfast": [
        "-c",
        "import tensorflow, keras, kerasfast; [getattr(kerasfast, name) for name in kerasfast.__all__]",
    ],
}


def process(arguments: list[str]) -> Cost:
    return cost(lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True))


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print_versions()
    runs = {name: lambda arguments=arguments: process(arguments) for name, arguments in PROGRAMS.items()}
    print_costs("A fresh process", interleaved(runs, options.repeats), "s", 1)
