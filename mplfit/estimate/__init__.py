"""Estimation: curves and a law in, a `Fit` out, and how well it holds."""
