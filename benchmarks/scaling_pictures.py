# %% How the cost of pictures grows: with the batch, and with the number of files
"""Usage: python benchmarks/scaling_pictures.py DATA [--size 224] [--files 1000 10000 100000 200000] [--repeats 3]

DATA is a folder with train/<class>/ and valid/<class>/ JPEGs. The lists of files are links to its first picture.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

BATCHES = (8, 16, 32, 64, 128)


def link_pictures(picture: pathlib.Path, root: pathlib.Path, count: int) -> None:
    """Make `count` training and 100 validation pictures in ten classes."""
    for split, number in (("train", count), ("valid", 100)):
        for label in range(10):
            (root / split / f"c{label}").mkdir(parents=True)
        for index in range(number):
            os.symlink(picture, root / split / f"c{index % 10}" / f"{index:07d}.jpg")


def start_up(root: str) -> dict[str, float]:
    """Return seconds and memory from the folder to the data object, and to its first batch."""
    import psutil

    import kerasfast as kf

    kf.ImageData, kf.transforms_side_on  # noqa: B018 - imported when first named
    memory = psutil.Process().memory_info
    before, begin = memory().rss, time.perf_counter()
    data = kf.ImageData.from_folders(root, transforms=kf.transforms_side_on(64, max_zoom=1.1))
    made, held = time.perf_counter() - begin, memory().rss
    begin = time.perf_counter()
    next(iter(data.train.dataset()))
    first = time.perf_counter() - begin
    return {"seconds": made, "first_batch": first, "megabytes": (held - before) / 2**20}


def batch_costs(folder: str, size: int, repeats: int) -> None:
    from timing import cost, interleaved, print_costs

    import kerasfast as kf

    def epoch_of(batch: int):
        data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(size, max_zoom=1.1), batch_size=batch)
        dataset, count = data.train.dataset(), len(data.train) // batch * batch
        return lambda: cost(lambda: [None for _ in dataset]).per(count)

    print_costs(f"Side-on pictures at {size}, by batch", interleaved({str(n): epoch_of(n) for n in BATCHES}, repeats))


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000, 200_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--start-up", action="store_true", help="measure one folder in this process, as JSON")
    options = parser.parse_args()
    if options.start_up:
        print(json.dumps(start_up(options.data)))
        sys.exit()
    from timing import ask, print_versions

    print_versions()
    picture = min(pathlib.Path(options.data).resolve().rglob("*.jpg"))
    print("\n| files | data object s | first batch s | data object MB |\n|---|---|---|---|")
    for count in options.files:
        with tempfile.TemporaryDirectory() as work:
            link_pictures(picture, pathlib.Path(work), count)
            found = ask(sys.executable, __file__, work, "--start-up")
        print(
            f"| {count} | {found['seconds']:.2f} | {found['first_batch']:.2f} | {found['megabytes']:.0f} |", flush=True
        )
    batch_costs(options.data, options.size, options.repeats)
