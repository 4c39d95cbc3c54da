"""Kill `kerasfast train` at random moments and compare its ends: python tests/faults/kill_training.py --kills 100.

Each training (tiny pictures and network; stored activations, the head, fine-tuning, model and report) is
killed with SIGKILL at a random moment of its life and gone on with by `--resume`, killed again, until a start is left
alone to finish. Its weights, history and scores must then be those of a training that was never killed, to the bit, and
nothing unfinished may lie about. A process that has imported TensorFlow forks for each start, so that a kill takes no
more than a training. With `--state FILE` what was done is kept, and `--seconds` ends in time: call it again to go on.
Exits with 1 where a training ended differently, 3 where there are kills to go.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
import traceback

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}
NETWORK = "tiny_test_network"
OPTIONS = ["--backbone", NETWORK, "--sizes", "32", "--epochs", "20", "--batch-size", "8"]


def draw(root: pathlib.Path) -> None:
    """Write pictures of two colours into class folders."""
    for split, count in (("train", 48), ("valid", 12)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                noise = np.random.default_rng([index, len(split), len(name)]).normal(0, 60, size=(44, 52, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype("uint8")
                Image.fromarray(pixels).save(root / split / name / f"{index}.jpg")


def train(pictures: pathlib.Path, run: pathlib.Path) -> dict:
    """Begin the training, or go on with it, and return its result."""
    import keras

    import kerasfast.runs.training
    from kerasfast.cli import main
    from kerasfast.training.keeping import resuming
    from kerasfast.vision.insight.interpretation import Interpretation
    from kerasfast.vision.networks import applications

    def network(weights) -> keras.Model:
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, None, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
        for width in (8, 16):
            x = keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
            x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        return keras.Model(inputs, x, name="tiny")

    # What follows the training and depends on nothing that could be lost is made short, and states are kept as often as
    # they can be written, so that kills find the training within epochs.
    kerasfast.runs.training.VIEWS, Interpretation.report = 1, lambda report, path, **_: path
    resuming.SHARE = 1.0
    applications.NETWORKS[NETWORK] = applications.Network("none", 32, network, lambda: (True, "made on the spot"))
    begun = (run / "run.json").is_file()
    code = main(["train", "--resume", str(run)] if begun else ["train", str(pictures), *OPTIONS, "--out", str(run)])
    # A kill between the last file and the end of the process leaves a finished run.
    finished = json.loads((run / "run.json").read_text())["decided"].get("finished")
    if code not in (0, 1) and not (begun and finished):
        raise RuntimeError(f"The training ended with {code}.")
    return result(run)


def result(run: pathlib.Path) -> dict:
    """Return what must not depend on kills: weights, history and scores of a finished run."""
    import kerasfast as kf

    digest = hashlib.blake2b(digest_size=16)
    for weight in kf.ImagePredictor.load(run / "model.kerasfast").model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    summary = json.loads((run / "summary.json").read_text())
    scores = {name: summary[name] for name in ("plain", "tta", "constant", "beats_constant")}
    return {"digest": digest.hexdigest(), "history": (run / "history.csv").read_text(), **scores}


def start(pictures: pathlib.Path, run: pathlib.Path, until: float | None = None) -> tuple[dict | None, float, str]:
    """Train in a process of its own, killed after `until` seconds; return (result, seconds, what it printed)."""
    answer, log = run.with_suffix(".json"), run.with_suffix(".log")
    begun, child = time.perf_counter(), os.fork()
    if child == 0:
        code = 1
        try:
            with log.open("w") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
                answer.write_text(json.dumps(train(pictures, run)))
                code = 0
        except BaseException:  # the child must never return to the loop of its parent
            traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    if until is not None:
        time.sleep(max(0.0, until - (time.perf_counter() - begun)))
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    printed = log.read_text(errors="replace")
    if status == 0:
        return json.loads(answer.read_text()), time.perf_counter() - begun, printed
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"The training failed by itself:\n{printed}")
    return None, time.perf_counter() - begun, printed


def stage_of(printed: str) -> str:
    """Return the stage that a training was killed in, and "within" where it had gone on within an epoch."""
    stages = re.findall(r"^== ([\w -]+):", printed, re.MULTILINE)
    within = re.search(r"Going on after epoch \d+ and \d+ batches", printed)
    return (stages[-1] if stages else "start") + (", gone on within an epoch" if within else "")


def main() -> int:
    """Kill, compare, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no other training after these")
    parser.add_argument("--state", type=pathlib.Path, help="a file that keeps what was done")
    options = parser.parse_args()
    import tensorflow  # noqa: F401  # before forking, and nothing is computed here

    import kerasfast.runs.training  # noqa: F401

    begun, state = time.perf_counter(), {"kills": 0, "trainings": 0, "wrong": 0, "left": 0, "stages": {}}
    if options.state and options.state.is_file():
        state = json.loads(options.state.read_text())
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        draw(place / "pictures")
        expected, seconds, _ = start(place / "pictures", place / "whole")
        if state.setdefault("expected", expected) != expected:
            print("Two trainings that nobody killed differ: nothing can be said of kills.")
            return 1
        while state["kills"] < options.kills and time.perf_counter() - begun < options.seconds:
            state["trainings"] += 1
            chance, run = random.Random(state["trainings"]), place / f"killed{state['trainings']}"
            for _ in range(min(chance.randrange(2, 7), options.kills - state["kills"])):
                ended, _, printed = start(place / "pictures", run, chance.uniform(0, seconds))
                if ended is not None:  # it was faster than the kill
                    break
                state["kills"] += 1
                stage = stage_of(printed)
                state["stages"][stage] = state["stages"].get(stage, 0) + 1
                print(f"kill {state['kills']}: training {state['trainings']}, in {stage}", flush=True)
            ended, _, _ = start(place / "pictures", run)
            state["wrong"] += ended != expected
            state["left"] += sum(file.name.startswith(".kerasfast") for file in run.rglob("*"))
            if options.state:
                options.state.write_text(json.dumps(state, indent=1))
    print(f"{state['kills']} kills of {state['trainings']} trainings, by stage: {state['stages']}.")
    print(f"{state['wrong']} trainings ended differently, {state['left']} unfinished files were left.")
    if state["wrong"] or state["left"]:
        return 1
    return 0 if state["kills"] >= options.kills else 3


if __name__ == "__main__":
    sys.exit(main())
