"""Ask whether every link, or those of some files, still leads somewhere; needs a network.  usage: links.py FILE..."""

import concurrent.futures
import pathlib
import re
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXTS = [
    "*.md",
    "setup.cfg",
    "mkdocs.yml",
    "docs/**/*.md",
    "benchmarks/*.md",
    "kerasfast/**/*.py",
    "kerasfast/**/*.html",
]
LINK = re.compile(r"https?://[^\s<>\"'`)\]}]+")
# What is named to be told apart, or is no page: servers on this machine, examples, namespaces.
NOT_ASKED = re.compile(r"https?://(localhost|127\.|0\.0\.0\.0|\[|HOST|example\.|www\.w3\.org/\d)|[{$*]")
SECONDS, AT_ONCE = 20, 8


def links(files: list[pathlib.Path]) -> dict[str, list[str]]:
    """Return each link with the files that it stands in."""
    found: dict[str, list[str]] = {}
    for file in files:
        for link in LINK.findall(file.read_text("utf-8")):
            link = link.rstrip(".,;:")
            if not NOT_ASKED.search(link):
                found.setdefault(link, []).append(file.relative_to(ROOT).as_posix())
    return found


def fault(link: str) -> str | None:
    """Return what is wrong with a link; None where it leads somewhere, or asks who is there."""
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (checks links)"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return None if error.code in (401, 403, 405, 429) else f"answers {error.code}"
    except (OSError, ValueError) as error:
        return str(error)


def main(names: list[str]) -> int:
    """Print the links that lead nowhere, and return how many."""
    files = [pathlib.Path(name).resolve() for name in names] or [
        file for pattern in TEXTS for file in sorted(ROOT.glob(pattern))
    ]
    found = links(files)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        faults = {link: said for link, said in zip(found, pool.map(fault, found), strict=True) if said}
    for link, said in faults.items():
        print(f"{link}: {said}; in {', '.join(sorted(set(found[link])))}")
    print(f"{len(found) - len(faults)} of {len(found)} links lead somewhere")
    return len(faults)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
