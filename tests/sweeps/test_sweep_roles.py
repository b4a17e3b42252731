"""Which column is what."""

import numpy as np
import pytest

from mplfit.errors import DataError
from mplfit.sweeps.roles import Roles, build_table, loss_and_rate, size_kind


def columns(**extra):
    lr = np.tile([1e-4, 1e-3, 1e-2], 4)
    made = {
        "Learning-Rate": lr,
        "d_model": np.repeat([64.0, 128.0], 6),
        "train_loss": np.full(12, 3.0),
        "val.loss": np.linspace(3, 4, 12),
        "seed": np.tile(np.repeat([1.0, 2.0], 3), 2),
        "run": np.array([f"r{i}" for i in range(12)], dtype=object),
        "wall_time": np.arange(12.0),
        "optimizer": np.array(["adamw"] * 12, dtype=object),
    }
    return made | extra


def test_aliases_held_out_loss_and_what_is_no_setting():
    table = build_table(columns())
    assert table.groups == ("d_model",)
    assert table.sizes == ("d_model",)
    assert table.loss[0] == 3.0
    assert table.loss[-1] == 4.0
    said = " ".join(table.notes)
    assert "the loss is the column val.loss" in said
    assert "told apart by d_model" in said
    assert "the seed is the column seed" in said


def test_the_loss_is_said_where_another_column_could_be_it():
    alone = {"lr": [1e-3, 2e-3, 1e-3, 2e-3], "loss": [3.0, 2.0, 3.0, 2.0], "width": [64, 64, 8, 8]}
    alone = {name: np.array(values, dtype=float) for name, values in alone.items()}
    both = {**alone, "val_loss": alone["loss"]}

    def said(columns, **roles):
        return "the loss is the column" in " ".join(build_table(columns, Roles(**roles)).notes)

    assert said(both)
    assert not said(alone)
    assert not said(both, loss="loss")


def test_columns_that_go_together_are_one_setting():
    parameters = np.repeat([1e6, 4e6], 6)
    table = build_table(columns(num_parameters=parameters))
    assert table.groups == ("d_model",)
    assert set(table.sizes) == {"d_model", "num_parameters"}
    assert "d_model (with num_parameters)" in " ".join(table.notes)


def test_a_column_that_sets_the_rate_is_no_setting():
    exponent, width = (a.ravel() for a in np.meshgrid([0.0, 0.5, 1.0], [64.0, 128.0, 256.0]))
    table = build_table(
        {
            "lr": 1e-3 * (width / 64) ** -exponent,
            "loss": 3 + exponent,
            "k": exponent,
            "width": width,
        }
    )
    assert table.groups == ("width",)
    assert table.setter == "k"
    assert "k sets the rate" in " ".join(table.notes)


def test_what_is_named_is_taken():
    table = build_table(
        columns(), Roles(loss="train_loss", groups=("d_model", "optimizer"), sizes=())
    )
    assert table.groups == ("d_model", "optimizer")
    assert table.sizes == ()
    assert np.all(table.loss == 3.0)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (Roles(lr="rate"), r"no column 'rate'.*lr="),
        (Roles(loss="run"), r"'run' should hold numbers, got 'r0'.*loss="),
        (Roles(groups=("seed", "colour")), "cannot be one of groups= too"),
        (Roles(groups=("colour",)), "no column 'colour'"),
        (Roles(sizes=("optimizer",)), "must be a positive number in every row"),
        (Roles(sizes=("wall_time",)), "varies within a setting"),
        (Roles(groups=("run",)), "no setting has more than one learning rate"),
    ],
)
def test_wrong_names_are_one_clear_sentence(roles, said):
    with pytest.raises(DataError, match=said):
        build_table(columns(), roles)


def test_without_a_rate_the_names_looked_for_are_said():
    made = columns()
    del made["Learning-Rate"]
    with pytest.raises(DataError, match=r"no column for the learning rate.*lr="):
        build_table(made)


def test_names_of_sizes():
    names = ("N", "n_embd", "Hidden Size", "num-hidden-layers", "tokens", "BS", "seed", "lr")
    assert [size_kind(name) for name in names] == [
        "parameters", "width", "width", "depth", "horizon", "batch size", None, None,
    ]  # fmt: skip


def test_a_held_out_loss_goes_first_and_outcomes_are_no_settings():
    made = columns(eval_loss=np.full(12, 2.0), flops=np.arange(12.0))
    del made["val.loss"]
    assert loss_and_rate(made) == ("eval_loss", "Learning-Rate")
    del made["eval_loss"]
    assert loss_and_rate(made, Roles(lr="d_model")) == ("train_loss", "d_model")
    assert build_table(made).groups == ("d_model",)
