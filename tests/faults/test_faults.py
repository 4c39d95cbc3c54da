"""A seeded part of what the scripts of this folder try: damaged files, kills while writing, and wrong calls."""

import pathlib
import subprocess
import sys
import tempfile

import pytest

FOLDER = pathlib.Path(__file__).parent
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory")]


def run(script: str, *options: str) -> str:
    """Run a script of this folder; it must find nothing."""
    done = subprocess.run([sys.executable, str(FOLDER / script), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_damaged_files_give_the_right_result_or_an_error_by_name():
    kinds = "jpeg,png,gif,bmp,webp,tiff,ppm,labels,csv,parquet,feather,safetensors,torch,npz,manifest,run,encoder,zip"
    assert "245 damaged files" in run("damaged_files.py", "--kinds", kinds, "--files", "250", "--seed", "7")


def test_what_is_killed_while_it_writes_leaves_whole_files_and_nothing_else():
    assert "6 kills: 0 faults" in run("kills.py", "--without-tensorflow", "--kills", "6", "--seed", "7")


def test_wrong_calls_are_refused_in_a_sentence(tmp_path):
    from wrong_calls import tried

    tally, faults = tried(tmp_path, share=0.02, seed=7)
    faults = [fault for fault in faults if ": late" not in fault]  # how late is a matter of the machine
    assert tally["refused"] > 200 and not faults, faults


def test_odd_data_give_the_right_result_or_are_refused_by_name(tmp_path):
    from odd_uses import tried

    tally, faults = tried(tmp_path, "tables,pictures")
    assert tally["refused"] > 150 and tally["right"] > 40 and not faults, faults


def trained_twice() -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        return [run("trained_twice.py", f"{folder}/{name}").split()[-2:] for name in "ab"]


@pytest.mark.beside(run=trained_twice)
def test_the_same_program_in_two_processes_ends_with_the_same_weights_to_the_bit(beside):
    assert beside[0] == beside[1] and len(beside[0][0]) == 32
