"""The torch and fastai contenders of `tables.py`, in an environment of their own: reads names, answers seconds."""

import itertools
import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import torch
from torch import nn

warnings.filterwarnings("ignore")
CARDINALITIES = [1116, 8, 4, 13, 32, 3, 26, 27, 5, 4, 4, 24, 9, 13, 53, 22, 7, 7, 4, 4, 9, 9]
CONTINUOUS, BATCH = 18, 128
WIDTHS = [min(50, (count + 1) // 2) for count in CARDINALITIES]


def table(rows):
    random = np.random.default_rng(0)
    codes = np.stack([random.integers(0, count, rows) for count in CARDINALITIES], axis=1)
    values = random.normal(size=(rows, CONTINUOUS)).astype(np.float32)
    effects = [random.normal(size=count)[column] for count, column in zip(CARDINALITIES, codes.T, strict=True)]
    targets = 8 + 0.1 * np.sum(effects, axis=0) + 0.1 * values[:, 0]
    return codes, values, targets.astype(np.float32)


class Network(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(c, w) for c, w in zip(CARDINALITIES, WIDTHS, strict=True))
        self.norm, self.drop = nn.BatchNorm1d(CONTINUOUS), nn.Dropout(0.04)
        widths = [sum(WIDTHS) + CONTINUOUS, *hidden]
        layers = [(nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.01)) for a, b in itertools.pairwise(widths)]
        self.layers = nn.Sequential(*itertools.chain(*layers), nn.Linear(widths[-1], 1))

    def forward(self, codes, values):
        vectors = torch.cat([table(codes[:, i]) for i, table in enumerate(self.embeddings)], 1)
        x = torch.cat([self.drop(vectors), self.norm(values)], 1)
        return torch.sigmoid(self.layers(x)) * 12


def torch_loop(rows, hidden):
    """A plain loop with fused Adam over batches gathered from tensors."""
    codes, values, targets = map(torch.as_tensor, table(rows))
    model = Network(hidden)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    def epoch():
        order = torch.randperm(rows)
        for start in range(0, rows - BATCH + 1, BATCH):
            index = order[start : start + BATCH]
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(codes[index], values[index])[:, 0], targets[index])
            loss.backward()
            optimizer.step()

    return epoch


def fastai_epoch(rows, hidden):
    """fastai 2's tabular learner, as its guide makes it."""
    from fastai.tabular.all import Categorify, TabularDataLoaders, tabular_config, tabular_learner

    codes, values, targets = table(rows)
    frame = pd.DataFrame(codes, columns=[f"c{i}" for i in range(codes.shape[1])])
    frame = frame.join(pd.DataFrame(values, columns=[f"v{i}" for i in range(CONTINUOUS)])).assign(y=targets)
    names = list(frame)
    loaders = TabularDataLoaders.from_df(
        frame, procs=[Categorify], cat_names=names[:22], cont_names=names[22:-1], y_names="y", bs=BATCH, valid_idx=[0]
    )
    config = tabular_config(ps=0.01, embed_p=0.04, y_range=(0, 12), use_bn=False)
    sizes = dict(zip(names, WIDTHS, strict=True))
    learn = tabular_learner(loaders, layers=hidden, emb_szs=sizes, config=config, metrics=[])

    def epoch():
        with learn.no_bar(), learn.no_logging():
            learn.fit(1, 1e-3)

    return epoch


def main():
    rows, hidden = int(sys.argv[1]), [int(width) for width in sys.argv[2:]]
    import fastai

    print(json.dumps({"torch": torch.__version__, "fastai": fastai.__version__}), flush=True)
    makers, made = {"torch loop": torch_loop, "fastai 2": fastai_epoch}, {}
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            made[name] = makers[name](rows, hidden)
        wall, cpu = time.perf_counter(), time.process_time()
        made[name]()
        print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


if __name__ == "__main__":
    main()
