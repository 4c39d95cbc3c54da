"""Shows the examples of docstrings as code: what the reference's reader of docstrings asks of whoever extends it."""

import re
import textwrap
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:\n((?:[ ]{4}.*\n?|\n)+)", flags=re.MULTILINE)


class Examples(griffe.Extension):
    """Read "Example:" as the section of examples; one without Python's prompt becomes a block of code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(_as_section, obj.docstring.value)


def _as_section(match: re.Match) -> str:
    body = textwrap.dedent(match[1]).strip("\n")
    if not body.startswith(">>>"):
        body = f"```python\n{body}\n```"
    return f"Examples:\n{textwrap.indent(body, '    ')}\n\n"
