"""`python -m bgpd.lab` is `bgpd lab`."""

import sys

from bgpd.lab.main import main

sys.exit(main())
