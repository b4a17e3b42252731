"""A small transformer that makes real loss curves and sweeps on a CPU."""
