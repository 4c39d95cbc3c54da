"""Learners of the course follow torch's rules: weight decay, a new optimizer for each fit."""

import keras
import pytest

from kerasfast.fastai.conv_learner import TrainingPhase, optim
from kerasfast.optimizing.control import control_of


def decays_in_gradient(learn) -> bool:
    return control_of(learn.core.model.optimizer).decay_in_gradient


@pytest.mark.slow
def test_weight_decay_is_in_the_gradient_unless_it_is_scheduled(learn):
    learn.fit(0.01, 1, 1e-2)
    assert decays_in_gradient(learn) and int(learn.model.optimizer.iterations) == 4
    learn.fit(0.01, 1, 1e-2, use_wd_sched=True)
    assert not decays_in_gradient(learn)
    assert int(learn.model.optimizer.iterations) == 4  # a new optimizer, traced for the same steps
    learn.warm_up(0.01, 1e-2)
    assert decays_in_gradient(learn)


@pytest.mark.slow
def test_phases_say_where_their_weight_decay_is_and_may_end_within_an_epoch(learn):
    phases = [
        TrainingPhase(0.5, optim.SGD, lr=1e-3, wds=1e-2, wd_loss=False),
        TrainingPhase(0.5, optim.SGD, lr=1e-2, wds=1e-2, wd_loss=False),
    ]
    learn.fit_opt_sched(phases)
    assert not decays_in_gradient(learn)
    assert learn.sched.lrs.tolist() == pytest.approx([1e-3, 1e-3, 1e-2, 1e-2])
    with pytest.raises(ValueError, match="`wd_loss` differs between the phases"):
        learn.fit_opt_sched([*phases, TrainingPhase(1, optim.SGD, wds=1e-2)])


@pytest.mark.slow
def test_optimizers_of_the_learner_are_made_anew_by_the_function_it_was_given(learn):
    def adamw():
        return keras.optimizers.AdamW()

    learn.opt_fn = adamw
    assert learn.opt_fn is adamw
    learn.fit(0.001, 1, 1e-2)
    assert type(learn.core.model.optimizer) is keras.optimizers.AdamW and not decays_in_gradient(learn)
