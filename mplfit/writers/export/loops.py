"""Training codes with a get_lr of their own: nanoGPT, litgpt, Megatron-LM, OLMo-core.

Each counts in its own unit, which the exported file converts: nanoGPT updates from 0, litgpt
micro-batches from 0, Megatron-LM samples, OLMo-core updates from 1.
"""

from __future__ import annotations

from mplfit.schedule import Schedule
from mplfit.writers.export.python import core

__all__ = ["litgpt_file", "megatron_file", "nanogpt_file", "olmo_core_file"]

_NANOGPT = '''

def get_lr(it):
    """In place of get_lr in train.py. `it` is iter_num: the 0-based index of the update."""
    return lr(it)
'''

_LITGPT = '''
# Micro-batches of one update on one device: global_batch_size / devices / micro_batch_size.
ACCUMULATE = {accumulate}


def get_lr(learning_rate, it, warmup_iters, max_iters, min_lr):
    """In place of get_lr in litgpt/pretrain.py. `it` counts the micro-batches done: 0, 1, …

    The rate is that of the update which the next micro-batch is part of; the other arguments are
    litgpt's and not needed.
    """
    return lr(it // ACCUMULATE)
'''

_MEGATRON = '''
# Megatron-LM's scheduler counts samples (with --train-iters: iterations times the batch size).
GLOBAL_BATCH_SIZE = {batch}


def get_lr(self, param_group):
    """In place of OptimizerParamScheduler.get_lr; self.num_steps counts the samples done.

    Megatron calls it after n updates to set the rate of the next, whose index is n. Groups with a
    max_lr of their own keep their proportion to --lr. With a ramp of the batch size, counts of
    samples are no multiples of one size: convert them here.
    """
    own = param_group.get("max_lr")
    return lr(self.num_steps // GLOBAL_BATCH_SIZE) * (own / self.max_lr if own else 1.0)


def install():
    """Call it once, before training begins. Start Megatron with --lr PEAK and any decay style."""
    from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler

    OptimizerParamScheduler.get_lr = get_lr
'''

_OLMO = '''

def make_scheduler():
    """OLMo-core's ComposableScheduler: a linear stage between every two of KNOTS.

    Its rates are shares of the optimizer's lr, which must be PEAK (groups of other rates keep their
    proportion). OLMo-core's step is 1 in the first update: a first stage of one step, which is
    never used, stands for its step 0. The scheduler says that it ignores t_max: it is meant to.
    """
    first, share = KNOTS[0][0] + 1, KNOTS[0][1] / PEAK
    stages = [Stage(duration=first, start_lr_fraction=share, end_lr_fraction=share)]
    for (a, _), (b, rate) in zip(KNOTS, KNOTS[1:]):
        stages.append(Stage(duration=b - a, end_lr_fraction=rate / PEAK))
    return ComposableScheduler(stages=stages)
'''


def nanogpt_file(schedule: Schedule) -> str:
    """get_lr for nanoGPT's train.py."""
    about = "In train.py: from schedule import get_lr (and delete its own)."
    return core(schedule, "A learning-rate schedule for nanoGPT.", about) + _NANOGPT


def litgpt_file(schedule: Schedule, accumulate: int) -> str:
    """get_lr for litgpt's pretrain.py, in micro-batches."""
    about = "litgpt calls get_lr for every micro-batch: set ACCUMULATE below to yours."
    text = core(schedule, "A learning-rate schedule for litgpt.", about)
    return text + _LITGPT.format(accumulate=accumulate)


def megatron_file(schedule: Schedule, batch: int) -> str:
    """get_lr for Megatron-LM's scheduler, in samples."""
    about = "Megatron-LM counts samples: set GLOBAL_BATCH_SIZE below to yours."
    text = core(schedule, "A learning-rate schedule for Megatron-LM.", about)
    return text + _MEGATRON.format(batch=batch)


def olmo_core_file(schedule: Schedule) -> str:
    """The stages of OLMo-core's ComposableScheduler."""
    imports = (
        "from olmo_core.optim.scheduler import ComposableScheduler\n"
        "from olmo_core.optim.scheduler import ComposableSchedulerStage as Stage"
    )
    about = (
        "Use it as TransformerTrainModuleConfig(scheduler=make_scheduler(), ...), with\n"
        "ai2-olmo-core 2.6 or newer. (Before that: a Scheduler whose get_lr(self, initial_lr,\n"
        "step, max_steps) returns initial_lr * lr(step - 1) / PEAK.)"
    )
    title = "A learning-rate schedule for OLMo-core."
    return core(schedule, title, about, imports, knots=True) + _OLMO
