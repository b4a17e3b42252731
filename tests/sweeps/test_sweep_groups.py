"""Settings of a sweep: what is grouped, averaged and called diverged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplfit.errors import DataError
from mplfit.sweeps.table import SweepTable, groups_of, label


def test_means_counts_and_unbalanced_grids():
    table = SweepTable(
        [1e-3, 1e-3, 1e-2, 1e-2, 1e-1],
        [3.0, 2.0, 2.2, 2.4, 5.0],
        {"width": np.array([64.0, 64, 64, 128, 128])},
        ("width",),
        ("width",),
    )
    small, large = groups_of(table)
    assert small.key == {"width": 64.0}
    assert small.sizes == {"width": 64.0}
    assert small.mean.tolist() == [2.5, 2.2]
    assert small.count.tolist() == [2, 1]
    assert large.lr.tolist() == [1e-2, 1e-1]


@pytest.mark.parametrize("lost", [np.nan, np.inf, 1e9])
def test_a_rate_with_a_diverged_run_is_not_usable(lost):
    (group,) = groups_of(SweepTable([0.1, 0.1, 0.2], [3.0, lost, 3.1]))
    assert group.mean.tolist() == [np.inf, 3.1]
    assert group.diverged.tolist() == [1, 0]
    assert group.usable.tolist() == [False, True]
    assert group.loss.tolist() == [3.0, 3.1]


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(random):
    generator = np.random.default_rng(1)
    lr = np.repeat(10.0 ** np.arange(-4, 0), 3)
    loss = generator.uniform(2, 3, lr.size)
    width = np.tile([1.0, 2.0, 4.0], 4)
    order = list(range(lr.size))
    random.shuffle(order)
    plain = groups_of(SweepTable(lr, loss, {"w": width}, ("w",)))
    mixed = groups_of(SweepTable(lr[order], loss[order], {"w": width[order]}, ("w",)))
    for one, other in zip(plain, mixed, strict=True):
        assert one.key == other.key
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.loss, other.loss)


@pytest.mark.parametrize(
    ("lr", "loss", "said"),
    [
        ([], [], "at least one run"),
        ([0.1, 0.0], [1.0, 1.0], "run 2 of the sweep has the learning rate 0"),
        ([0.1, np.nan], [1.0, 1.0], "rates must be positive"),
        ([0.1], [-1.0], "losses must be positive"),
        ([0.1, 0.2], [1.0], "one value a run"),
    ],
)
def test_what_cannot_be_a_sweep_is_refused(lr, loss, said):
    with pytest.raises(DataError, match=said):
        SweepTable(lr, loss)


def test_an_unknown_column_is_named():
    with pytest.raises(DataError, match="no column 'width'"):
        SweepTable([0.1], [1.0], {}, ("width",))


def test_sizes_in_names_have_all_their_digits():
    key = {"n": 8140195.0, "share": 0.5, "huge": 1e15, "kind": "sp"}
    assert label(key) == "n=8140195, share=0.5, huge=1e+15, kind=sp"
