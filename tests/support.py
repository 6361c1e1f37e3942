"""What tests share beyond fixtures."""

from dataclasses import fields

from pipeline.settings import Settings


def settings_env(settings: Settings) -> dict[str, str]:
    """The environment variables from which `Settings.load` reads exactly these settings.

    Every setting is named, so that a settings file cannot change what a test's worker gets.
    """
    env = {}
    for setting in fields(settings):
        name = setting.name.upper()
        variable = name if name.startswith("KAFKA_") else f"TOLLGATE_{name}"
        env[variable] = str(getattr(settings, setting.name))
    return env
