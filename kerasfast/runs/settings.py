"""What a training run works on, and how it goes about it: said before it begins, kept in its folder."""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Callable
from typing import Any

from kerasfast.basics.arguments import choice, whole
from kerasfast.basics.files import atomic_path, made_folder
from kerasfast.vision.pipeline.transforms import checked_size
from kerasfast.vision.sources.decoding.reading import Size, both_sides

METRICS = ("accuracy", "f1", "f2", "mae")
KINDS = {"classes": "single", "tags": "multi", "numbers": "regression"}
KIND_NAMES = {"single": "one class for each picture", "multi": "tags", "regression": "numbers"}
RECORD = "run.json"
VIEWS = 4


def size_in_words(size: Size) -> str:
    """Return "128", or "96x128" of a rectangle: height, then width."""
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What `run_training` works on.

    Args:
        data: Folder of the pictures; only read.
        out: Folder of all results; made as needed.
        csv: The table of labels, a path of its own or relative to `data`; None looks for one, or for class folders.
        backbone: Name of the pretrained network.
        sizes: Sides of the pictures in pixels, or (height, width) of rectangles, one training after the other, growing.
        epochs: Epochs of fine-tuning at each size.
        metric: "accuracy" (one class a picture), "f2" or "f1" (tags), "mae" (numbers); None for the first that fits the
            data.
        batch_size: Pictures per step.
        seed: Of split, shuffling, augmentation and new weights.
        labels: Names of the table's columns of labels; None for its second column.
        kind: "classes", "tags" or "numbers"; None for what the labels look like.
        skip_broken: Whether to leave broken pictures out.

    Raises:
        ValueError: For a value out of range, or results inside the folder of the pictures.
    """

    data: pathlib.Path
    out: pathlib.Path = pathlib.Path("kerasfast-run")
    csv: str | None = None
    backbone: str = "efficientnet_lite0"
    sizes: tuple[Size, ...] = (128,)
    epochs: int = 3
    metric: str | None = None
    batch_size: int = 32
    seed: int = 42
    labels: tuple[str, ...] | None = None
    kind: str | None = None
    skip_broken: bool = False

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch_size", 2), ("seed", 0)):
            whole(name, getattr(self, name), least=least)
        object.__setattr__(self, "sizes", tuple(checked_size(size, least=32) for size in self.sizes))
        areas = [math.prod(both_sides(size)) for size in self.sizes]
        if not areas or areas != sorted(set(areas)):
            raise ValueError(f"`sizes` must be one or more numbers of pixels that grow; received {list(self.sizes)}.")
        if self.metric is not None:
            choice("metric", self.metric, METRICS)
        if self.kind is not None:
            choice("kind", self.kind, tuple(KINDS))
        if self.labels is not None:
            object.__setattr__(self, "labels", tuple(self.labels))
        for name in ("data", "out"):
            object.__setattr__(self, name, pathlib.Path(getattr(self, name)).expanduser().resolve())
        check_out(self.out, self.data)

    def recipe(self, test: bool) -> list[str]:
        """Return what will be done, a line per stage.

        Args:
            test: Whether there are test pictures.
        """
        first, *later = map(size_in_words, self.sizes)
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        tuning = f"all layers learn gently from augmented pictures at {first} pixels, {epochs}"
        tuning += "".join(f"; then at {size}" for size in later)
        return [
            f"head          {self.backbone} looks at every picture once, at {first} pixels; the new layer is solved",
            f"fine-tuning   {tuning}; the best of start and epochs stays",
            f"validation    each picture plain and in {VIEWS} augmented views, against the best constant answer",
            f"model         everything that predicting needs, in one file; then {'the submission and ' * test}a report",
        ]

    def facts(self) -> dict[str, str]:
        """Return what a report says of the training, by a word or two each."""
        said = dict(line.split(maxsplit=1) for line in self.recipe(test=False))
        del said["model"]  # what the run writes
        return {**said, "seed": str(self.seed)}


@dataclasses.dataclass
class RunRecord:
    """The settings of a run and what was decided on its way, in its folder: what going on after a kill needs.

    Args:
        settings: Of the run.
        decided: By name: what later stages depend on, and whether the run is finished.
        kept: Whether it is written at all; else a killed run begins anew.
        begun: Whether it is in its folder already.
    """

    settings: RunSettings
    decided: dict[str, Any] = dataclasses.field(default_factory=dict)
    kept: bool = True
    begun: bool = False

    @property
    def resume(self) -> str | bool:
        """What `Learner.fit` is told."""
        return "run" if self.kept else False

    def check_folder(self) -> None:
        """Raise ValueError where a run could not begin, because the folder holds one that was not finished."""
        out = self.settings.out
        if self.kept and (out / RECORD).is_file() and not RunRecord.load(out).decided.get("finished"):
            raise ValueError(
                f"{out} holds a run that was not finished. Go on with it (`--resume {out}`), remove it, or choose "
                "another folder."
            )

    def begin(self) -> None:
        """Write the record of a new run, once it is known that its data can be read.

        Raises:
            ValueError: If the folder holds a run that was not finished.
        """
        if self.begun or not self.kept:
            return
        self.check_folder()
        self.forget_fits()
        self._write()
        self.begun = True

    def decide(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was decided, or decide it now and write it down."""
        if name not in self.decided:
            self.decided[name] = make()
            self._write()
        return self.decided[name]

    def finish(self) -> None:
        """Note that all is done; what the fits kept is not needed any more."""
        self.decide("finished", lambda: True)
        self.forget_fits()

    def forget_fits(self) -> None:
        """Remove what the fits of this run kept."""
        for file in (self.settings.out / "models").glob("run-*.resume.npz"):
            file.unlink()

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "RunRecord":
        """Read the record of a run; the folder may have been moved.

        Raises:
            FileNotFoundError: If the folder holds no run.
            ValueError: If its record is damaged.
        """
        file = pathlib.Path(folder).expanduser().resolve() / RECORD
        if not file.is_file():
            raise FileNotFoundError(f"{file.parent} holds no run ({RECORD} is missing); start one with `--out`.")
        try:
            record = json.loads(file.read_text("utf-8"))
            sizes = tuple(tuple(size) if isinstance(size, list) else size for size in record["settings"]["sizes"])
            settings = record["settings"] | {"out": file.parent, "sizes": sizes}
            return cls(RunSettings(**settings), dict(record["decided"]), begun=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} is no record of a run: {error}") from error

    def _write(self) -> None:
        if not self.kept:
            return
        settings = self.settings
        own = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
        record = {"settings": own | {"data": str(settings.data), "out": str(settings.out)}, "decided": self.decided}
        made_folder(settings.out)
        with atomic_path(settings.out / RECORD) as unfinished:
            unfinished.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def check_out(out: pathlib.Path, data: pathlib.Path | None) -> None:
    """Raise ValueError where results cannot go: among the pictures, or where a file is."""
    if data is not None and out.is_relative_to(data):
        raise ValueError(f"Results in {out} would lie among the pictures in {data}; choose another `out`.")
    if out.exists() and not out.is_dir():
        raise ValueError(f"`out` must be a folder; {out} is a file.")
