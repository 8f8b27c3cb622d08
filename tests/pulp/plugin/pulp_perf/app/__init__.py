from pulpcore.plugin import PulpPluginAppConfig


class PulpPerfPluginAppConfig(PulpPluginAppConfig):
    """Entry point for the pulp_perf plugin."""

    name = "pulp_perf.app"
    label = "perf"
    version = "0.1.0"
    python_package_name = "pulp-perf"
    domain_compatible = True
