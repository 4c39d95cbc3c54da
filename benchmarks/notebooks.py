"""Run notebooks of the course, or anybody's, cell by cell, and count what became of the cells.

    python benchmarks/notebooks.py DIR/*.ipynb --json benchmarks/notebooks.json

Each notebook is ported (`kerasfast port`), put into a folder with small data (`notebooks_data.py`, from KERASFAST_DATA
and drawn) or into copies of the folders given by --world, and run in a process of its own, every architecture being a
small network (KERASFAST_WEIGHTS). Scripts with `#%%` before each cell are taken too. A cell

- runs as it is, when it runs and at most the import prefix was changed,
- runs after `port`, when it runs and other lines were changed too,
- is refused, when kerasfast's own error says what to do, or `port` said what is left to do in it,
- follows, when it fails because of a name that a cell before it, which did not run, would have defined,
- fails of its own, when it uses a name that no cell before it defines but itself or a later one does,
- fails, when it fails otherwise.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

LIMIT = 240  # seconds of a cell
PREFIX = "the import prefix"
KINDS = ("as it is", "after port", "refused", "follows", "its own", "fails")


def cells_of(path: pathlib.Path) -> list[str]:
    """Return the code cells of a notebook, or of a script with `#%%` before each cell."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return [cell.strip("\n") for cell in re.split(r"(?m)^#\s?%%.*$", text) if cell.strip()]
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return [code for code in ("".join(cell["source"]) for cell in cells) if code.strip()]


def as_notebook(cells: list[str]) -> str:
    """Return the text of a notebook of code cells."""
    made = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": cell} for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=1)


def use_small_networks(text: str) -> None:
    """Let every architecture be a small network: MobileNet, or ResNet-18 where its children are counted."""
    import keras

    import kerasfast as kf
    from kerasfast.fastai.internals import architectures
    from kerasfast.fastai.models.cifar10 import resnext
    from kerasfast.vision.networks.registry import get

    if "children(m)[:-2]" in text:
        resnet = get("resnet18")
        small = dataclasses.replace(resnet, build=lambda weights: resnet.build(None))
    else:
        weights = pathlib.Path(os.environ["KERASFAST_WEIGHTS"]) / "mobilenet_v1_0.25_224_no_top.weights.h5"
        small = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=weights)
    given = architectures.Architecture.backbone
    architectures.Architecture.backbone = lambda self: small if self.keras_name else given(self)
    resnext.resnext29_8_64 = lambda: resnext.CifarResNeXt(depth=11, cardinality=2, base_width=4)


def run_cells(path: pathlib.Path) -> list[dict]:
    """Port a notebook and run it in this process; return what became of each cell."""
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell

    from kerasfast.porting.ported import port

    matplotlib.use("agg")
    before = cells_of(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "notebook.ipynb"
        copy.write_text(as_notebook(before), "utf-8")
        ported = port(copy)
    after = ["".join(cell["source"]) for cell in json.loads(ported.text)["cells"]]
    after = [re.sub(r"(?m)^%matplotlib.*$", "", code) for code in after]  # there is no notebook to draw into
    use_small_networks("\n".join(after))
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "autoreload")
    results, undefined = [], set()
    defined = [_defined(code) for code in after]
    for number, code in enumerate(after, 1):
        changes = {finding.what for finding in ported.changes if finding.cell == number} - {PREFIX}
        said = [finding.what for finding in ported.left if finding.cell == number]
        error = _run(shell, code)
        later = set().union(*defined[number - 1 :]) - set().union(*defined[: number - 1])
        kind, why = "after port" if changes else "as it is", ""
        if error is not None:
            kind, why = _judged(error, said, undefined, later)
            undefined |= defined[number - 1]
        results.append({"cell": number, "kind": kind, "why": why, "code": code})
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    return results


def _run(shell, code: str) -> BaseException | None:
    import signal

    from matplotlib import pyplot as plt

    def stop(*_):
        raise TimeoutError(f"a cell of more than {LIMIT} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        result = shell.run_cell(code, store_history=True)
    finally:
        signal.alarm(0)
        plt.close("all")
    return result.error_before_exec or result.error_in_exec


def _judged(error: BaseException, said: list[str], undefined: set[str], later: set[str]) -> tuple[str, str]:
    why = f"{type(error).__name__}: {error}"
    if said:
        return "refused", said[0]
    frames = traceback.extract_tb(error.__traceback__)
    last = pathlib.PurePath(frames[-1].filename).parts if frames else ()
    name = getattr(error, "name", None)
    if isinstance(error, NameError) and name in undefined:
        return "follows", why
    if isinstance(error, NameError) and name in later:
        return "its own", why
    ours = "kerasfast" in last and type(error).__module__.split(".")[0] in ("builtins", "kerasfast")
    sentence = not isinstance(error, (NameError, KeyError, IndexError)) and " " in str(error).strip()
    refused = ours and sentence and not why.partition(": ")[2].startswith("Exception encountered")
    return ("refused" if refused else "fails"), why


def _defined(code: str) -> set[str]:
    """Return the names that a cell would have defined."""
    import ast

    from IPython.core.inputtransformer2 import TransformerManager

    try:
        tree = ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return names | {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


def run(path: pathlib.Path, worlds: list[pathlib.Path]) -> list[dict]:
    """Run one notebook in a folder and a process of its own."""
    import notebooks_data

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder) / "a" / "b" / "work"
        work.mkdir(parents=True)
        mine = next((world / path.stem for world in worlds if (world / path.stem).is_dir()), None)
        if mine is None:
            notebooks_data.make(work, path.read_text("utf-8"))
        else:
            shutil.copytree(mine, pathlib.Path(folder) / "a" / "b", dirs_exist_ok=True, symlinks=True)
        out = pathlib.Path(folder) / "results.json"
        command = [sys.executable, str(pathlib.Path(__file__).resolve()), "--here", str(path.resolve()), "--json", out]
        done = subprocess.run(
            command, check=False, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if not out.exists():
            raise RuntimeError(f"{path} did not come to its end:\n{done.stderr[-3000:]}")
        return json.loads(out.read_text("utf-8"))


def counts(results: list[dict]) -> dict[str, int]:
    """Return how many cells there are of each kind."""
    return {kind: sum(one["kind"] == kind for one in results) for kind in KINDS}


def table(counted: dict[str, dict[str, int]]) -> str:
    """Return the counts of notebooks as a table in Markdown."""
    lines = [
        "| notebook | cells | run as they are | after `port` | refused, and what follows | fail, also by themselves |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, one in counted.items():
        numbers = (
            sum(one.values()),
            one["as it is"],
            one["after port"],
            one["refused"] + one["follows"],
            one["fails"] + one["its own"],
        )
        lines.append(f"| {name} | " + " | ".join(str(number) for number in numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path)
    parser.add_argument("--table", action="store_true", help="print the table of notebooks.json")
    parser.add_argument(
        "--world", action="append", default=[], type=pathlib.Path, help="folder with a folder NAME per notebook"
    )
    parser.add_argument("--json", type=pathlib.Path, help="write (or add to) the counts there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        options.json.write_text(json.dumps(run_cells(options.notebooks[0])), "utf-8")
        return
    if options.table:
        print(table(json.loads(pathlib.Path(__file__).with_name("notebooks.json").read_text("utf-8"))))
        return
    counted = {}
    for path in options.notebooks:
        results = run(path, options.world)
        counted[path.stem] = counts(results)
        for one in results:
            if one["kind"] not in KINDS[:2]:
                print(
                    f"{path.stem}, cell {one['cell']}: {one['kind']}: {one['why'][:600]}\n    {one['code'][:200]!r}",
                    flush=True,
                )
        print(table({path.stem: counted[path.stem]}).splitlines()[-1], flush=True)
    if options.json:
        known = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
        options.json.write_text(json.dumps(known | counted, indent=1) + "\n", "utf-8")
    print(table(counted))


if __name__ == "__main__":
    main()
