"""Frameworks that trace a schedule, and so need it as arrays: optax and Keras."""

from __future__ import annotations

from mplfit.schedule import Schedule
from mplfit.writers.export.python import core

__all__ = ["keras_file", "optax_file"]

_OPTAX = '''

def schedule(count):
    """An optax schedule: optax.adamw(learning_rate=schedule). count 0 is the first update.

    The rates have JAX's default precision: about 1e-7 relative in float32, all digits where
    jax_enable_x64 is set.
    """
    at = jnp.asarray([float(step) for step, _ in KNOTS])
    rates = jnp.asarray([rate for _, rate in KNOTS])
    right = jnp.clip(jnp.searchsorted(at, count, side="right"), 1, max(len(KNOTS) - 1, 1))
    left, right = right - 1, jnp.minimum(right, len(KNOTS) - 1)
    share = jnp.clip((count - at[left]) / jnp.maximum(at[right] - at[left], 1), 0, 1)
    return rates[left] + (rates[right] - rates[left]) * share
'''

_KERAS = '''
_STEPS = np.array([step for step, _ in KNOTS], float)
_RATES = np.array([rate for _, rate in KNOTS])


@keras.saving.register_keras_serializable("mplfit")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """keras.optimizers.AdamW(learning_rate=Schedule()); Keras counts updates from 0.

    The rates have Keras's precision: about 1e-7 relative in float32, its default, and all digits
    after keras.config.set_floatx("float64") (with JAX: where jax_enable_x64 is set, too).
    """

    def __call__(self, step):
        ops, kind = keras.ops, keras.config.floatx()
        at, rates = ops.convert_to_tensor(_STEPS, kind), ops.convert_to_tensor(_RATES, kind)
        step = ops.cast(step, kind)
        right = ops.clip(ops.sum(ops.cast(at <= step, "int32")), 1, max(len(KNOTS) - 1, 1))
        left, right = right - 1, ops.minimum(right, len(KNOTS) - 1)
        low, high = ops.take(rates, left), ops.take(rates, right)
        gap = ops.maximum(ops.take(at, right) - ops.take(at, left), 1.0)
        return low + (high - low) * ops.clip((step - ops.take(at, left)) / gap, 0.0, 1.0)

    def get_config(self):
        return {}  # the knots are in this file
'''


def optax_file(schedule: Schedule) -> str:
    """A function of the count of updates, for any optax optimizer."""
    about = "Use it as optax.adamw(learning_rate=schedule)."
    title = "A learning-rate schedule for optax."
    return core(schedule, title, about, "import jax.numpy as jnp", knots=True) + _OPTAX


def keras_file(schedule: Schedule) -> str:
    """A LearningRateSchedule of Keras 3."""
    about = "Use it as keras.optimizers.AdamW(learning_rate=Schedule())."
    title, imports = "A learning-rate schedule for Keras 3.", "import keras\nimport numpy as np"
    return core(schedule, title, about, imports, knots=True) + _KERAS
