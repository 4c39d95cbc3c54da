"""Objects that print as a few lines of what a person wants to know, and as a small table in notebooks."""

import html
from collections.abc import Mapping, Sequence


class Described:
    """Gives `repr` and HTML of what `_facts` says."""

    def _facts(self) -> Mapping[str, str]:
        """Return what to say, by a word or two each."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = self._facts()
        width = max(map(len, facts), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:{width}}  {value}" for name, value in facts.items())])

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'
        cells = [(html.escape(name), html.escape(value)) for name, value in self._facts().items()]
        rows = "".join(f"<tr><th {left}>{name}</th><td {left}>{value}</td></tr>" for name, value in cells)
        return f"<b>{type(self).__name__}</b><table>{rows}</table>"


def some(names: Sequence[object], most: int = 8) -> str:
    """Return the first names, and how many there are where that is not all."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)})"
