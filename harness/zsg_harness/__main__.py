"""`python -m zsg_harness` is the command `zsg-harness`."""

import sys

from zsg_harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
