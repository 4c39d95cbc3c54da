"""The documentation site builds without a warning, and its reference and search know every public name."""

import json
import os
import pathlib
import re
import subprocess
import sys

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


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_can_be_searched(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", tmp_path]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # The examples ran: pages have what they drew, and the page that one of them wrote.
    assert "data:image/png" in (tmp_path / "gallery/spreadsheet.html").read_text("utf-8")
    assert "best constant answer" in (tmp_path / "gallery/report.html").read_text("utf-8")
    index = json.loads((tmp_path / "search/search_index.json").read_text("utf-8"))
    titles = {re.sub(r"<.*?>", "", entry["title"]).strip() for entry in index["docs"]}
    assert not set(kf._HOME_OF) - {word for title in titles for word in re.findall(r"\w+", title)}
