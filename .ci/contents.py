"""Check that a wheel and a source distribution hold what they must.  usage: contents.py DIST..."""

import pathlib
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PARTS = {".whl": ["kerasfast"], ".gz": ["kerasfast", "tests", "examples", "benchmarks", "docs"]}
FILES = {
    ".whl": [],
    ".gz": ["CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "LICENSE", "README.md", "mkdocs.yml"],
}


def files_in(path: pathlib.Path) -> set[str]:
    """Return the names of the files in an archive, in a source distribution below its top folder."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return set(wheel.namelist())
    with tarfile.open(path) as archive:
        return {name.split("/", 1)[-1] for name in archive.getnames()}


for name in sys.argv[1:]:
    path = pathlib.Path(name)
    held = files_in(path)
    needed = {
        file.relative_to(ROOT).as_posix()
        for part in PARTS[path.suffix]
        for file in (ROOT / part).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    missing = sorted(needed.union(FILES[path.suffix]) - held)
    if missing:
        raise SystemExit(f"{path.name} lacks {', '.join(missing)}: see MANIFEST.in and package_data in setup.cfg.")
    print(f"{path.name}: {len(held)} files, none of {len(needed)} missing")
