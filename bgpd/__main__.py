"""`python -m bgpd` is `bgpd`."""

import sys

from bgpd.daemon import main

sys.exit(main())
