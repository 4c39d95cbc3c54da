"""How many processors a process may use, as containers and schedulers say it."""

import os

import pytest

from kerasfast.basics import processors


@pytest.mark.parametrize(
    ("text", "share"),
    [("150000 100000", 1.5), ("max 100000", None), ("", None), ("100000 0", None), ("-1 100000", None)],
)
def test_a_container_says_its_share_of_time(tmp_path, monkeypatch, text, share):
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(processors, "_UNIFIED", tmp_path / "cpu.max")
    assert processors.container_share() == share


def test_older_control_groups_are_understood(tmp_path, monkeypatch):
    monkeypatch.setattr(processors, "_UNIFIED", tmp_path / "absent")
    for name, value in (("_QUOTA", 300000), ("_PERIOD", 100000)):
        (tmp_path / name).write_text(str(value))
        monkeypatch.setattr(processors, name, tmp_path / name)
    assert processors.container_share() == 3
    (tmp_path / "_QUOTA").write_text("-1")
    assert processors.container_share() is None


@pytest.mark.parametrize(("share", "count"), [(None, 8), (2.5, 3), (0.2, 1), (64, 8)])
def test_the_smaller_of_both_limits_counts(monkeypatch, share, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(processors, "container_share", lambda: share)
    assert processors.usable_processors.__wrapped__() == count
