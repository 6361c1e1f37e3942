"""How many examples the property tests draw.

`TOLLGATE_PROPERTY_EXAMPLES` (default 30, about a minute for the whole directory) sets it: a
night's run takes thousands. No deadline: a slow machine is no defect.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "tollgate",
    max_examples=int(os.environ.get("TOLLGATE_PROPERTY_EXAMPLES", "30")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("tollgate")
