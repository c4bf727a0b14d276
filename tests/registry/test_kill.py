"""Fault 68: a process that is killed while it saves a model leaves none that is torn."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# One process imports once and forks for each save, which writes some megabytes, so that a kill falls into it.
SAVES = """
import os, random, signal, sys, time
from datetime import date
from pathlib import Path
import joblib, json
import numpy as np
from tasks.config import Settings
from tasks.registry import models
from tasks.registry.history import load_registry, record
from tasks.registry.listing import verify
from tasks.registry.records import Change

home, n_kills = Path(sys.argv[1]), int(sys.argv[2])
settings = Settings(datamart=home / "datamart", model_store=home / "store")
model = np.random.default_rng(0).normal(size=500_000)
card = {"loans": list(range(20_000))}

def save(model_id):
    models.save(model_id, settings, model=model, card=card, reference=card, to_text=str)
    waits = [Change(model_id, "challenger", "pipeline", "waits")]
    record(load_registry(settings), settings, effective_from=date(2024, 1, 1), changes=waits)

def is_whole(model_id):
    folder = settings.model_store / model_id
    cards = [json.loads((folder / name).read_text())["loans"] for name in (models.CARD, models.REFERENCE)]
    return (joblib.load(folder / models.ARTEFACT) == model).all() and cards == [card["loans"]] * 2

began = time.monotonic()
save("first")
took = time.monotonic() - began
draw = random.Random(0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
found = {"killed": 0, "absent": 0, "whole": 0, "registered": 0}
number = 0
while found["killed"] < n_kills:
    number += 1
    model_id = f"model-{number}"
    child = os.fork()
    if child == 0:
        save(model_id)
        os._exit(0)
    signal.sigtimedwait([signal.SIGCHLD], draw.uniform(0, took))
    os.kill(child, signal.SIGKILL)
    found["killed"] += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    signal.sigtimedwait([signal.SIGCHLD], 0)
    registered = model_id in {entry.model_id for entry in load_registry(settings).entries}
    there = (settings.model_store / model_id).exists()
    assert not there or is_whole(model_id), model_id
    assert there or not registered, model_id
    found["registered" if registered else "whole" if there else "absent"] += 1
    save(model_id)
    assert is_whole(model_id), model_id
assert verify(settings) == number + 1
print(json.dumps(found))
"""


@pytest.mark.parametrize("n_kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_no_kill_while_a_model_is_saved_tears_it(tmp_path: Path, n_kills: int) -> None:
    words = [sys.executable, "-c", SAVES, str(tmp_path), str(n_kills)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] == n_kills
    assert found["absent"]
