"""The torch rows of `gpu.py`, in an environment of their own: prints pictures per second as JSON."""

import json
import statistics
import sys
import time

import torch
import torchvision

EPOCHS = 4  # the first one compiles


def main(backbone: str, pictures: int, size: int, batch: int, half: bool, compiled: bool) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names = {name.replace("_", ""): name for name in torchvision.models.list_models()}
    wanted = {"mobilenet": "mobilenetv2"}.get(backbone.lower(), backbone.lower())
    model = torchvision.models.get_model(names[wanted], weights=None, num_classes=2).to(device)
    model = model.to(memory_format=torch.channels_last)
    step_model = torch.compile(model) if compiled else model
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
    scaler = torch.amp.GradScaler(device, enabled=half and device == "cuda")
    pixels = torch.randint(0, 255, (pictures, 3, size, size), dtype=torch.uint8)
    targets = torch.arange(pictures) % 2
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        for start in range(0, pictures - batch + 1, batch):
            x = pixels[start : start + batch].to(device, non_blocking=True).float().div_(255)
            y = targets[start : start + batch].to(device)
            optimizer.zero_grad(set_to_none=True)
            half_type = torch.float16 if device == "cuda" else torch.bfloat16
            with torch.autocast(device, dtype=half_type, enabled=half):
                loss = torch.nn.functional.cross_entropy(step_model(x.contiguous(memory_format=torch.channels_last)), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        loss.item()
        seconds.append(time.perf_counter() - begin)
    used = pictures // batch * batch
    print(json.dumps({"pictures_per_second": used / statistics.median(seconds[1:])}))


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    pictures, size, batch, half, compiled = map(int, numbers)
    main(name, pictures, size, batch, bool(half), bool(compiled))
