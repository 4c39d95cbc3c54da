"""The course's models of tables as modules: the entity-embedding model that `get_learner` trains, to be looked into."""

from collections.abc import Sequence
from typing import Any

from kerasfast.fastai.internals.basic_models import BasicModel
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_imports import F, nn, torch
from kerasfast.fastai.torch_names.modules import Called, Module, parts_of

__all__ = ["MixedInputModel", "StructuredModel", "emb_init", "get_emb"]

_COLLAB = "`CollabFilterDataset(...).get_learner(n_factors, val_idxs, bs)` makes the model"
_REFUSED = absent({"CollabFilterModel EmbeddingDotBias PassthruDataset": _COLLAB})
globals().update(_REFUSED)
__all__ += [*_REFUSED]


def emb_init(x: Called) -> None:
    """Draw the vectors of an embedding uniformly between -2 / (width + 1) and 2 / (width + 1)."""
    bound = 2 / (x.weight.size(1) + 1)
    x.weight.data.uniform_(-bound, bound)


def get_emb(ni: int, nf: int) -> Called:
    """Return ni vectors of nf numbers between -0.05 and 0.05."""
    vectors = nn.Embedding(ni, nf)
    vectors.weight.data.uniform_(-0.05, 0.05)
    return vectors


class MixedInputModel(Module):
    """Vectors of codes beside normalised values, through dense layers with dropout.

    Args:
        emb_szs: (number of codes, width) of each categorical column.
        n_cont: Number of continuous columns.
        emb_drop: Dropout of the vectors.
        out_sz: Number of outputs.
        szs: Widths of the hidden layers.
        drops: Dropout after each of them.
        y_range: Smallest and largest prediction.
        use_bn: BatchNormalization after each hidden layer.
        is_reg: Whether values are predicted; else log-probabilities, or with `is_multi` probabilities of tags.
        is_multi: Whether a row can have several tags.
    """

    def __init__(
        self,
        emb_szs: Sequence[tuple[int, int]],
        n_cont: int,
        emb_drop: float,
        out_sz: int,
        szs: Sequence[int],
        drops: Sequence[float],
        y_range: tuple[float, float] | None = None,
        use_bn: bool = False,
        is_reg: bool = True,
        is_multi: bool = False,
    ):
        super().__init__()
        if not len(szs) == len(drops):
            raise ValueError(f"Each hidden layer has its dropout; received {len(szs)} widths and {len(drops)} `drops`.")
        self.embs = nn.ModuleList([nn.Embedding(count, width) for count, width in emb_szs])
        for vectors in self.embs:
            emb_init(vectors)
        self.n_emb, self.n_cont = sum(width for _, width in emb_szs), n_cont
        widths = [self.n_emb + n_cont, *szs]
        self.lins = nn.ModuleList([nn.Linear(*pair) for pair in zip(widths, szs, strict=False)])
        self.bns = nn.ModuleList([nn.BatchNorm1d(width) for width in szs])
        self.outp = nn.Linear(widths[-1], out_sz)
        self.emb_drop = nn.Dropout(emb_drop)
        self.drops = nn.ModuleList([nn.Dropout(share) for share in drops])
        self.bn = nn.BatchNorm1d(n_cont)
        self.use_bn, self.y_range, self.is_reg, self.is_multi = use_bn, y_range, is_reg, is_multi

    def forward(self, x_cat: Any, x_cont: Any) -> Any:
        """Return the predictions for codes (n, columns) and values (n, columns)."""
        parts = [self.bn(x_cont)] if self.n_cont else []
        if self.n_emb:
            vectors = [vectors(x_cat[:, place]) for place, vectors in enumerate(self.embs)]
            parts.insert(0, self.emb_drop(torch.cat(vectors, 1)))
        x = torch.cat(parts, 1)
        for dense, norm, drop in zip(self.lins, self.bns, self.drops, strict=True):
            x = F.relu(dense(x))
            x = drop(norm(x) if self.use_bn else x)
        x = self.outp(x)
        if not self.is_reg:
            return F.sigmoid(x) if self.is_multi else F.log_softmax(x, dim=-1)
        if self.y_range is None:
            return x
        low, high = self.y_range
        return F.sigmoid(x) * (high - low) + low


class StructuredModel(BasicModel):
    """A `MixedInputModel` in three layer groups: embeddings, hidden layers, output; another model as `BasicModel`."""

    def get_layer_groups(self) -> list:
        """Return the groups."""
        model = self.model
        if not isinstance(model, MixedInputModel):
            return super().get_layer_groups()
        inner = [*model.lins.parts, *model.bns.parts, *([model.bn.layer] if model.n_cont else [])]
        groups = [model.embs.parts, inner, parts_of(nn.Sequential(model.outp))]
        return [group for group in groups if group]
