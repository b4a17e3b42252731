"""Causal power-law sums: the numerical heart of every law that knows the whole schedule.

For targets x_j and sources k with position s_k, offset c_k >= 0 and charges q_k, target j sees the
first count_j sources (its past), at distances d = (x_j - s_k) + c_k > 0:

    PLAIN   Σ_{k < count_j} q_k d^-p
    LOG     Σ_{k < count_j} q_k d^-p ln d
    STEEP   Σ_{k < count_j} q_k d^-(p+1)

These are the sum itself and all that its derivatives need: in a charge PLAIN, in p minus LOG, in a
position or an offset STEEP times p. Two functions of one signature compute them:

    power_sums(x, count, s, c, charges, p, terms) -> (terms, targets)

x : (J,) positions of the targets, ascending.  count : (J,) sources each may see, ascending.
s : (K,) positions of the sources, ascending.  c : (K,) offsets.  charges : (rows, K).
p : exponent, > 0.  terms : the sums wanted, each a (row of the charges, kernel) pair.

* `mplfit.powersum.exact` sums one term after the other, in numpy: targets × sources powers.
* `mplfit.powersum.fast` needs linear work (numba) and equals it to 1e-9 of the largest value.

Neither knows laws or learning rates. Nothing is checked here: the adapters (`mplfit.laws`) do.
"""
