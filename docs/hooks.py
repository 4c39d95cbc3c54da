"""What the site takes from elsewhere: sections of README and other files, and the public names with their docstrings.

A line `<!-- from README.md: Two commands -->` stands for that section with all below it, `<!-- from CHANGELOG.md -->`
for a whole file without its title, and `<!-- names: kerasfast.schedules -->` for the public names whose home begins so.
Each text has one place, and the site cannot lag behind it.
"""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What a relative link of README and the others leads to here.
PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "design/architecture.md",
    "CHANGELOG.md": "design/changes.md",
    "CONTRIBUTING.md": "design/contributing.md",
    "benchmarks/README.md": "design/benchmarks.md",
}


def on_page_markdown(markdown: str, page, **_) -> str:
    """Fill in what a page takes from elsewhere."""
    depth = page.file.src_uri.count("/")
    fill = lambda match: _relinked(_text(match["file"], match["section"]), match["file"], depth)
    markdown = re.sub(r"^<!-- from (?P<file>\S+?)(?:: (?P<section>.+?))? -->$", fill, markdown, flags=re.MULTILINE)
    return re.sub(r"^<!-- names: (.+?) -->$", lambda match: _names(match[1].split()), markdown, flags=re.MULTILINE)


def public_names() -> dict[str, str]:
    """Return every public name with the module it comes from; nothing heavy is imported."""
    tree = ast.parse((ROOT / "kerasfast/__init__.py").read_text("utf-8"))
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    homes = ast.literal_eval(assigned["_HOMES"])
    return {name: module for module, names in homes.items() for name in names}


def _text(file: str, section: str | None) -> str:
    """Return a file, or a section of it, without the title; headings begin at the second level."""
    text = (ROOT / file).read_text("utf-8")
    parts = [(len(match[1]), match[2], match.start(), match.end()) for match in _headings(text)]
    for position, (level, title, _, end) in enumerate(parts):
        if title == section or (section is None and level == 1):
            later = [start for deep, _, start, _ in parts[position + 1 :] if deep <= level]
            body = text[end : later[0] if later else len(text)]
            return re.sub(rf"^{'#' * (level - 1)}(?=#+ )", "", body, flags=re.MULTILINE)
    raise ValueError(f"{file} has no section {section!r}; it has {', '.join(title for _, title, _, _ in parts)}.")


def _headings(text: str) -> list[re.Match]:
    fences = [match.span() for match in re.finditer(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)]
    found = re.finditer(r"^(#+) (.+)$", text, flags=re.MULTILINE)
    return [match for match in found if not any(start <= match.start() < end for start, end in fences)]


def _relinked(text: str, file: str, depth: int) -> str:
    def link(match: re.Match) -> str:
        target, _, anchor = match[2].partition("#")
        path = (pathlib.PurePosixPath(file).parent / target).as_posix()
        if path not in PAGES:
            raise ValueError(f"{file} links to {target!r}, which is no page of the site; see PAGES in docs/hooks.py.")
        return f"{match[1]}({'../' * depth}{PAGES[path]}{'#' * bool(anchor)}{anchor})"

    return re.sub(r"(\[[^\]]+\])\((?!https?:|#)([^)]+)\)", link, text)


def _names(homes: list[str]) -> str:
    found = [(module, name) for name, module in public_names().items() if module.startswith(tuple(homes))]
    if not found:
        raise ValueError(f"No public name has its home in {', '.join(homes)}.")
    return "\n\n".join(f"::: {module}.{name}{_inherited(module, name)}" for module, name in found)


def _inherited(module: str, name: str) -> str:
    """Return the option that shows what a class has from bases of ours that are no public names."""
    members, public = [], public_names()
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    sources = {
        alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for base in map(ast.unparse, node.bases):
                if base not in public and str(sources.get(base)).startswith("kerasfast"):
                    members += _public_members(sources[base], base)
    return f"\n    options:\n      inherited_members: [{', '.join(members)}]" if members else ""


def _public_members(module: str, name: str) -> list[str]:
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
