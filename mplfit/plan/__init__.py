"""Planning: from a fitted law to the schedule to run."""
