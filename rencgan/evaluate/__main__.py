"""`python -m rencgan.evaluate REAL GENERATED` is the verb `evaluate` of the one command line."""

import sys

from rencgan.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
