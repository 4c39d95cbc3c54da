"""One epoch of a torch DataLoader, for `pipeline.py`: prints processor and clock seconds for a picture as JSON.

The same augmentation as `pipeline.side_on_layers`, by torchvision's transforms (v2), or by OpenCV in one warp.
"""

import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torchvision
from torchvision.transforms import v2


def processor_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def torchvision_transforms(size: int) -> v2.Compose:
    return v2.Compose([
        v2.ToImage(),
        v2.Resize(size, antialias=True),
        v2.RandomCrop(size),
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(10, scale=(1.0, 1.1), interpolation=v2.InterpolationMode.BILINEAR),
        v2.ColorJitter(brightness=0.05, contrast=0.05),
    ])  # fmt: skip


class OpenCVTransforms:
    """One warp for scale, crop, rotation, zoom and flip; one table for brightness and contrast."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, path: str) -> np.ndarray:
        import cv2

        cv2.setNumThreads(1)
        picture = cv2.imread(path, cv2.IMREAD_COLOR_RGB)
        (height, width), random = picture.shape[:2], np.random.default_rng()
        scale = self.size / min(height, width)
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        angle, zoom = math.radians(random.uniform(-10, 10)), random.uniform(1.0, 1.1)
        flip = random.choice([-1.0, 1.0])
        cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
        square = np.array([[cosine * flip, -sine], [sine * flip, cosine]])
        room = np.array(picture.shape[1::-1]) - self.size
        centre, corner = np.full(2, (self.size - 1) / 2), random.uniform(0, 1, 2) * room
        places = np.column_stack([square, centre + corner - square @ centre])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(picture, places, (self.size,) * 2, flags=flags, borderMode=cv2.BORDER_REFLECT)
        factor, offset, mean = 1 + random.uniform(-0.05, 0.05), random.uniform(-0.05, 0.05) * 255, picture.mean()
        levels = np.clip((np.arange(256) - mean) * factor + mean + offset, 0, 255).astype(np.uint8)
        return cv2.LUT(picture, levels)


def main(folder: str, size: int, batch: int, kind: str) -> None:
    if kind == "opencv":
        dataset = torchvision.datasets.DatasetFolder(folder + "/train", OpenCVTransforms(size), (".jpg",))
    else:
        dataset = torchvision.datasets.ImageFolder(folder + "/train", torchvision_transforms(size))
    loader = torch.utils.data.DataLoader(dataset, batch, shuffle=True, drop_last=True, num_workers=2)
    for _ in range(2):  # the first epoch does not count
        processor, clock, count = processor_seconds(), time.perf_counter(), 0
        for pixels, _ in loader:
            count += len(pixels)
        spent = (processor_seconds() - processor) / count, (time.perf_counter() - clock) / count
    print(json.dumps({"processor": spent[0], "clock": spent[1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
