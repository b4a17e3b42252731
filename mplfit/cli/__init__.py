"""The command line: parse, load, one library call, write, print. It never computes."""
