"""Property tests: no clock decides whether they pass, so that a busy machine cannot fail them."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
