"""Runs the examples of a page while the site is built, and shows what they print and draw below them.

A block of Python after the line `<!-- run -->` is run; the blocks of a page share their names and a temporary folder.
What it prints comes as text, and the value of its last line as it would in a notebook: axes and figures as pictures,
frames as tables, all else as text. An error stops the build, so that an example cannot go stale. (A hook of our own,
and not a plugin: blocks stay plain Python, which readers of the repository see and `tests/typing` checks.)
"""

import ast
import base64
import contextlib
import io
import os
import pathlib
import re
import shutil
import tempfile
import time
from typing import Any

BLOCK = re.compile(r"^<!-- run -->\n```python\n(.*?)^```\n", flags=re.MULTILINE | re.DOTALL)
KEPT = pathlib.Path(tempfile.gettempdir()) / f"kerasfast-docs-{os.getpid()}"
WIDEST = 110  # dots per inch


def on_pre_build(**_: Any) -> None:
    """Let TensorFlow be quiet, and matplotlib draw without a window."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("MPLBACKEND", "Agg")
    shutil.rmtree(KEPT, ignore_errors=True)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Run the blocks of a page that ask for it."""
    if not BLOCK.search(markdown):
        return markdown
    names: dict[str, Any] = {"__name__": "__main__"}
    folder = KEPT / pathlib.PurePosixPath(page.file.src_uri).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with contextlib.chdir(folder):
        made = BLOCK.sub(lambda match: _shown(match[1], names, page.file.src_uri), markdown)
    print(f"ran {page.file.src_uri} in {time.perf_counter() - start:.1f} s")
    return made


def on_post_build(config: Any, **_: Any) -> None:
    """Put pages that examples wrote beside the pages that wrote them, and forget the rest."""
    for file in KEPT.rglob("*.html"):
        place = pathlib.Path(config.site_dir) / file.relative_to(KEPT).parent.parent / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    shutil.rmtree(KEPT, ignore_errors=True)


def _shown(code: str, names: dict[str, Any], page: str) -> str:
    """Return a block with what it prints and shows."""
    printed, value = io.StringIO(), None
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, page, "exec"), names)
            value = None if last is None else eval(compile(ast.Expression(last.value), page, "eval"), names)
    except Exception as error:
        raise RuntimeError(f"An example in {page} fails: {error!r}\n\n{code}") from error
    parts = [f"```python\n{code}```\n"]
    if printed.getvalue().strip():
        parts.append(f"```text\n{printed.getvalue().rstrip()}\n```\n")
    return "\n".join([*parts, *_displayed(value)])


def _displayed(value: Any) -> list[str]:
    """Return a value as a notebook would show it, at most one block of Markdown."""
    if value is None:
        return []
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if hasattr(figure, "savefig"):
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=WIDEST, bbox_inches="tight", facecolor="white")
        content = base64.b64encode(stream.getvalue()).decode("ascii")
        return [f'<img alt="what the lines above draw" src="data:image/png;base64,{content}">\n']
    if hasattr(value, "to_html"):
        return [value.to_html(border=0, float_format="{:.3g}".format) + "\n"]
    return [f"```text\n{value}\n```\n"]
