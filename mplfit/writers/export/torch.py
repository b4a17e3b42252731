"""PyTorch and what is built on it: LambdaLR, Hugging Face's Trainer, torchtitan."""

from __future__ import annotations

from mplfit.schedule import Schedule
from mplfit.writers.export.python import core

__all__ = ["hf_file", "torch_file", "torchtitan_file"]

_FACTOR = '''

def lr_lambda(step):
    """What LambdaLR multiplies the optimizer's own rate by, which must be PEAK."""
    return lr(step) / PEAK
'''

_TORCH = '''

def make_scheduler(optimizer, last_epoch=-1):
    """A LambdaLR for an optimizer made with lr=PEAK; call .step() once after each update.

    Its state counts updates, so that it resumes from a checkpoint as it is. With parameter groups
    of different rates, each group keeps its proportion to PEAK.
    """
    return LambdaLR(optimizer, lr_lambda, last_epoch)
'''

_HF = '''

def make_scheduler(optimizer):
    """For Trainer(..., optimizers=(optimizer, make_scheduler(optimizer))); optimizer at lr=PEAK."""
    return LambdaLR(optimizer, lr_lambda)


class ScheduleMixin:
    """Or: class MyTrainer(ScheduleMixin, Trainer), with TrainingArguments(learning_rate=PEAK).

    The Trainer counts updates (not micro-batches). Set max_steps=STEPS, so that it ends there.
    """

    def create_scheduler(self, num_training_steps, optimizer=None):
        if self.lr_scheduler is None:
            self.lr_scheduler = make_scheduler(optimizer or self.optimizer)
            self._created_lr_scheduler = True
        return self.lr_scheduler
'''

_TITAN = '''

def build_lr_schedulers(optimizers, *_, **__):
    """One LambdaLR for each optimizer, in torchtitan's own container.

    torchtitan steps it once after each update, micro-batches not counted. In the configuration
    set the optimizer's lr to PEAK and training.steps to STEPS.
    """
    return LRSchedulersContainer(optimizers, lr_lambda)


try:  # torchtitan 0.3 and newer: lr_scheduler=ScheduleConfig() in the trainer's configuration
    from torchtitan.components.optimizer import LRSchedulersContainer

    @dataclass(kw_only=True, slots=True)
    class ScheduleConfig(LRSchedulersContainer.Config):
        def build(self, *, optimizers, training_steps):
            return build_lr_schedulers(optimizers)

except ImportError:  # 0.1 and 0.2: build_lr_schedulers_fn=build_lr_schedulers in the train spec
    from torchtitan.components.lr_scheduler import LRSchedulersContainer
'''

_IMPORT = "from torch.optim.lr_scheduler import LambdaLR"


def torch_file(schedule: Schedule) -> str:
    """A LambdaLR."""
    about = "Make the optimizer with lr=PEAK, then scheduler = make_scheduler(optimizer)."
    return core(schedule, "A learning-rate schedule for PyTorch.", about, _IMPORT) + (
        _FACTOR + _TORCH
    )


def hf_file(schedule: Schedule) -> str:
    """A scheduler for the Trainer, as an argument or as a mixin."""
    about = "Set learning_rate=PEAK and max_steps=STEPS in TrainingArguments."
    return core(
        schedule, "A learning-rate schedule for Hugging Face's Trainer.", about, _IMPORT
    ) + (_FACTOR + _HF)


def torchtitan_file(schedule: Schedule) -> str:
    """The builder of torchtitan's train spec."""
    about = "Set lr_scheduler=ScheduleConfig() in the configuration (before 0.3: see the end)."
    title, imports = "A learning-rate schedule for torchtitan.", "from dataclasses import dataclass"
    return core(schedule, title, about, imports) + _FACTOR + _TITAN
