"""The supervisor, for soaks: who is killed every few seconds comes back at once and not later and later."""

import sys

from deploy import children, supervisor

children.LONGEST_DELAY_SECONDS = children.FIRST_DELAY_SECONDS

if __name__ == "__main__":
    sys.exit(supervisor.main())
