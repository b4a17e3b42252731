"""Learning-rate sweeps: a table of final losses → best rates, their transfer, and laws for them."""
