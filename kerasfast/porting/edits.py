"""Edits of code by the places of its nodes: what stands between them stays as it was written."""

import ast

Edit = tuple[int, int, bytes]


class Edits:
    """Collects edits (first byte, last byte, text) of some code, and what to say of each place.

    Attributes:
        changes: Places that an edit changes: line, what was done.
        left: Places that need a person: line, why.
    """

    def __init__(self, source: str):
        self.edits: list[Edit] = []
        self.changes: list[tuple[int, str]] = []
        self.left: list[tuple[int, str]] = []
        self.code = source.encode("utf-8")
        self._starts = [0]
        for line in self.code.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._mark = 3 if source.startswith("\ufeff") else 0

    def edited(self) -> str:
        """Return the code with all edits."""
        code = self.code
        for start, end, text in sorted(self.edits, key=lambda edit: edit[:2], reverse=True):
            code = code[:start] + text + code[end:]
        return code.decode("utf-8")

    def edit(self, node: ast.AST, start: int, end: int, text: str, what: str) -> None:
        """Write `text` in the place of bytes, and say what it does to a node."""
        self.insert(start, end, text)
        self.changes.append((node.lineno, what))

    def insert(self, start: int, end: int, text: str) -> None:
        """Write `text` in the place of bytes, as a part of another edit."""
        self.edits.append((start, end, text.encode("utf-8")))

    def leave(self, node: ast.AST, why: str) -> None:
        """Say why a node is left to a person."""
        self.left.append((node.lineno, why))

    def start(self, node: ast.AST) -> int:
        """Return the first byte of a node."""
        return self._place(node.lineno, node.col_offset)

    def end(self, node: ast.AST) -> int:
        """Return the byte behind a node."""
        return self._place(node.end_lineno, node.end_col_offset)

    def inside(self, method: ast.Attribute) -> int:
        """Return where the arguments of a call begin."""
        return self.code.find(b"(", self.end(method)) + 1

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column + (self._mark if line == 1 else 0)
