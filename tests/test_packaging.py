"""What is declared about the package holds together: floors, Pythons, kinds of tests."""

import configparser
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def setup() -> configparser.ConfigParser:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return settings


def test_every_requirement_has_a_floor_which_the_lowest_environment_gets(setup):
    command = [sys.executable, str(ROOT / ".ci" / "floors.py")]
    floors = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    required = setup["options"]["install_requires"].split()
    assert {line.replace(">=", "==") for line in required} <= set(floors)
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in floors)


def test_the_pythons_named_begin_with_the_one_required(setup):
    required = setup["options"]["python_requires"].removeprefix(">=")
    named = re.findall(r":: (3\.\d+)$", setup["metadata"]["classifiers"], flags=re.MULTILINE)
    assert named == [
        f"3.{minor}" for minor in range(int(required.split(".")[1]), int(required.split(".")[1]) + len(named))
    ]
    assert f'target-version = "py{required.replace(".", "")}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_what_reads_real_data_is_slow(request):
    for item in request.session.items:
        if {"data_dir", "weights_dir"} & set(item.fixturenames):
            assert item.get_closest_marker("slow"), item.nodeid
