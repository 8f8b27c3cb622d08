default_app_config = "pulp_perf.app.PulpPerfPluginAppConfig"
