"""The documentation site builds without a warning, and its reference and search know every public name."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

import kerasfast as kf

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_every_page_that_takes_text_from_elsewhere_finds_it():
    for page in ROOT.glob("docs/**/*.md"):
        for file, section in re.findall(r"^<!-- from (\S+?)(?:: (.+?))? -->$", page.read_text("utf-8"), re.MULTILINE):
            text = (ROOT / file).read_text("utf-8")
            assert not section or re.search(rf"^#+ {re.escape(section)}$", text, re.MULTILINE), (page, section)


def test_the_reference_has_a_page_for_every_home():
    pages = "\n".join(page.read_text("utf-8") for page in ROOT.glob("docs/reference/*.md"))
    homes = tuple(home for line in re.findall(r"^<!-- names: (.+) -->$", pages, re.MULTILINE) for home in line.split())
    assert not {name for name, module in kf._HOME_OF.items() if not module.startswith(homes)}


def test_links_of_readme_lead_somewhere_from_a_package_index_too():
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    assert links and not [link for link in links if not link.startswith("https://")]
    named = re.findall(r"`((?:docs|examples|benchmarks)/[\w/.]*|[A-Z]+\.md)`", text)
    assert len(named) > 8 and not [name for name in named if not (ROOT / name).exists()]


def site() -> tuple[subprocess.CompletedProcess, dict[str, str]]:
    """Build the site; return how that ended and the text of some of its files."""
    names = ("gallery/spreadsheet.html", "gallery/report.html", "search/search_index.json")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", folder]
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        files = [pathlib.Path(folder, name) for name in names]
        return done, {file.name: file.read_text("utf-8") for file in files if file.exists()}


@pytest.mark.slow
@pytest.mark.beside(run=site)
def test_the_site_builds_without_a_warning_and_can_be_searched(beside):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    done, texts = beside
    assert done.returncode == 0, done.stdout + done.stderr
    # The examples ran: pages have what they drew, and the page that one of them wrote.
    assert "data:image/png" in texts["spreadsheet.html"]
    assert "best constant answer" in texts["report.html"]
    index = json.loads(texts["search_index.json"])
    titles = {re.sub(r"<.*?>", "", entry["title"]).strip() for entry in index["docs"]}
    assert not set(kf._HOME_OF) - {word for title in titles for word in re.findall(r"\w+", title)}
