"""What other people's runs say of the shapes of the scale-free laws.

Made by `make prior` (tests/study/prior.py says how); change no number by hand. Of each law, the
mean and the standard deviation of every unknown (logarithms, but p itself) over families of runs:
over all of them, which is the prior that fits have, and without the superfamily whose runs are to
be held out, for measuring on it.

Learned on 234 runs of 28 families in 4 superfamilies, 30 rows counting as one observation:
- released: csv_25 (9), csv_400 (9)
- epfml: 124m_0.0005 (5), 124m_0.001 (18), 124m_0.002 (5), 124m_0.0001 (20), 124m_gradnorm_0.003
  (11), owt_10_8 (8), owt_12_10 (8), owt_12_14 (8), sl_10_8 (7), sl_12_10 (7), sl_12_12 (7),
  sl_16_12 (7), sl_24_12 (7), sl_24_12_210 (8), sl_24_16 (7), sl_8_6 (7), sl_8_8 (7)
- olmo: olmo190M (5), olmo370M (5), olmo760M (5)
- lab: lab_text (10), lab_loop (20), lab_peaks_0.0015 (6), lab_peaks_0.003 (6), lab_peaks_0.006
  (6), lab_peaks_0.012 (6)
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PRIORS"]

PRIORS: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "effective": {
        "all": {
            "alpha": (-0.688, 0.152),
            "b": (0.338, 0.314),
            "tau": (2.206, 0.826),
            "beta": (-1.495, 0.349),
            "p": (0.816, 0.067),
            "rho": (-1.360, 0.523),
        },
        "without released": {
            "alpha": (-0.731, 0.158),
            "b": (0.274, 0.334),
            "tau": (2.017, 0.819),
            "beta": (-1.452, 0.357),
            "p": (0.809, 0.070),
            "rho": (-1.469, 0.559),
        },
        "without epfml": {
            "alpha": (-0.681, 0.166),
            "b": (0.455, 0.334),
            "tau": (1.523, 0.896),
            "beta": (-1.964, 0.347),
            "p": (0.799, 0.067),
            "rho": (-1.403, 0.549),
        },
        "without olmo": {
            "alpha": (-0.694, 0.163),
            "b": (0.409, 0.313),
            "tau": (2.304, 0.844),
            "beta": (-1.436, 0.358),
            "p": (0.813, 0.070),
            "rho": (-1.153, 0.502),
        },
        "without lab": {
            "alpha": (-0.655, 0.146),
            "b": (0.255, 0.318),
            "tau": (2.927, 0.831),
            "beta": (-1.240, 0.363),
            "p": (0.839, 0.065),
            "rho": (-1.454, 0.532),
        },
    },
    "amplitude": {
        "all": {
            "alpha": (-0.754, 0.136),
            "b": (0.267, 0.345),
            "tau": (2.995, 0.983),
            "beta": (-0.061, 0.559),
            "p": (0.675, 0.087),
        },
        "without released": {
            "alpha": (-0.809, 0.148),
            "b": (0.409, 0.367),
            "tau": (1.315, 1.017),
            "beta": (-0.652, 0.836),
            "p": (0.658, 0.088),
        },
        "without epfml": {
            "alpha": (-0.746, 0.144),
            "b": (0.207, 0.336),
            "tau": (3.063, 0.970),
            "beta": (0.151, 0.611),
            "p": (0.657, 0.086),
        },
        "without olmo": {
            "alpha": (-0.742, 0.149),
            "b": (0.286, 0.384),
            "tau": (3.192, 0.831),
            "beta": (-0.306, 0.370),
            "p": (0.667, 0.094),
        },
        "without lab": {
            "alpha": (-0.755, 0.139),
            "b": (0.214, 0.320),
            "tau": (3.654, 1.035),
            "beta": (0.300, 0.477),
            "p": (0.711, 0.081),
        },
    },
}
