"""One epoch of fastai's DataLoaders, for `pipeline.py`: prints processor and clock seconds for a picture as JSON."""

import json
import resource
import sys
import time

from fastai.vision.all import ImageDataLoaders, Resize, aug_transforms


def processor_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main(folder: str, size: int, batch: int, kind: str) -> None:
    item = Resize(460 if kind == "presize" else size)
    augmentation = aug_transforms(size=size, max_rotate=10, max_zoom=1.1, max_warp=0.0) if kind != "plain" else None
    loaders = ImageDataLoaders.from_folder(
        folder, train="train", valid="valid", item_tfms=item, batch_tfms=augmentation, bs=batch, num_workers=2
    )
    for _ in range(2):  # the first epoch does not count
        processor, clock, count = processor_seconds(), time.perf_counter(), 0
        for pixels, _ in loaders.train:
            count += len(pixels)
        spent = (processor_seconds() - processor) / count, (time.perf_counter() - clock) / count
    print(json.dumps({"processor": spent[0], "clock": spent[1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
