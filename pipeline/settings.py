"""Settings: built-in defaults, then config/settings.yaml, then environment variables.

Owns every knob of the process with its unit and bound. Nothing here can change a decision: what
can, travels on the control topic. `TOLLGATE_<NAME>` sets any field (`TOLLGATE_PARTITIONS=16`);
`KAFKA_BOOTSTRAP`, `KAFKA_SECURITY_PROTOCOL`, `KAFKA_SASL_MECHANISM`, `KAFKA_SASL_USERNAME`,
`KAFKA_SASL_PASSWORD`, `KAFKA_SSL_CAFILE`, `KAFKA_SSL_CERTFILE`, `KAFKA_SSL_KEYFILE` reach every
client alike.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT_ROOT: Final = Path(__file__).parents[1]
DEFAULT_FILE: Final = PROJECT_ROOT / "config/settings.yaml"


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type or out of bounds; the text says which."""


@dataclass(frozen=True)
class Settings:
    """All settings of a process. See config/settings.yaml for what each one does."""

    app_id: str = "tollgate"
    topic_prefix: str = ""
    worker_id: str = ""
    partitions: int = 8
    replication_factor: int = 1
    data_dir: str = "var/worker"
    gate_clock: str = "wall"
    latency_target_ms: int = 50
    lane_sync_ms_max: int = 50
    batch_records_max: int = 500
    row_cache_max: int = 100_000
    transaction_timeout_ms: int = 5_000
    session_timeout_s: int = 6
    heartbeat_ms: int = 300
    rebalance_timeout_s: int = 15
    static_member: bool = False
    standby_replicas: int = 0
    compression: str = "lz4"
    mark_interval_ms: int = 100
    mark_move_bps: int = 5
    mark_refresh_ms: int = 5_000
    mark_rate_max: int = 500
    reporting: bool = True
    registry_url: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    advertised_host: str = ""
    state_token: str = field(default="", repr=False)
    state_token_file: str = ""
    state_remote: bool = False
    otlp_endpoint: str = ""
    log_level: str = "INFO"
    report_events_per_part: int = 2_000
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str = ""
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = ""
    kafka_ssl_cafile: str = ""
    kafka_ssl_certfile: str = ""
    kafka_ssl_keyfile: str = ""

    @classmethod
    def load(cls, file: Path | None = None, env: Mapping[str, str] | None = None) -> "Settings":
        """Read `file` (config/settings.yaml when absent) and then `env` (os.environ).

        Raises SettingsError for an unknown key, a value of the wrong type or out of bounds.
        """
        env = os.environ if env is None else env
        path = file or Path(env.get("TOLLGATE_SETTINGS", DEFAULT_FILE))
        given: dict[str, Any] = {}
        if path.exists():
            loaded = yaml.safe_load(path.read_text()) or {}
            if not isinstance(loaded, dict):
                raise SettingsError(f"{path}: expected a mapping of settings")
            given.update(loaded)
        known = {setting.name: setting.type for setting in fields(cls)}
        for name in given:
            if name not in known:
                raise SettingsError(f"{path}: unknown setting {name!r}; known: {', '.join(known)}")
        for name in known:
            if _variable(name) in env:
                given[name] = env[_variable(name)]
        settings = cls(
            **{name: _convert(name, known[name], value) for name, value in given.items()}
        )
        if not settings.worker_id:
            settings = replace(settings, worker_id=socket.gethostname())
        return settings.checked()

    def checked(self) -> "Settings":
        """These settings, or SettingsError where one is out of bounds."""
        bounds = {
            "partitions": (1, 4096),
            "replication_factor": (1, 9),
            "latency_target_ms": (0, 10_000),
            "lane_sync_ms_max": (0, 60_000),
            "batch_records_max": (1, 100_000),
            "row_cache_max": (1_000, 100_000_000),
            "transaction_timeout_ms": (1_000, 900_000),
            "session_timeout_s": (1, 1_800),
            "heartbeat_ms": (50, 60_000),
            "standby_replicas": (0, 8),
            "mark_interval_ms": (1, 60_000),
            "mark_move_bps": (0, 10_000),
            "mark_refresh_ms": (1, 3_600_000),
            "mark_rate_max": (1, 1_000_000),
            "metrics_port": (0, 65_535),
            "report_events_per_part": (1, 5_000),
        }
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise SettingsError(
                    f"{name} must be between {low} and {high}, not {getattr(self, name)}"
                )
        if self.gate_clock not in {"wall", "record"}:
            raise SettingsError(
                "gate_clock must be 'wall' (production) or 'record' (replays, benches)"
            )
        if self.mark_refresh_ms < self.mark_interval_ms:
            raise SettingsError("mark_refresh_ms must be at least mark_interval_ms")
        if self.transaction_timeout_ms >= self.rebalance_timeout_s * 1000:
            raise SettingsError("transaction_timeout_ms must be below rebalance_timeout_s x 1000")
        if self.heartbeat_ms * 3 > self.session_timeout_s * 1000:
            raise SettingsError("heartbeat_ms must be at most a third of session_timeout_s x 1000")
        return self

    def as_env(self) -> dict[str, str]:
        """The environment from which `load` reads exactly these, whatever a settings file says."""
        return {
            _variable(setting.name): str(getattr(self, setting.name)) for setting in fields(self)
        }

    def topic(self, name: str) -> str:
        """The broker's name of a topic of `topics.py`."""
        return self.topic_prefix + name

    def confluent(self, **extra: Any) -> dict[str, Any]:
        """Settings of a librdkafka client, with `extra` on top (dots written as underscores)."""
        client: dict[str, Any] = {
            "bootstrap.servers": self.kafka_bootstrap,
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password,
            "ssl.ca.location": self.kafka_ssl_cafile,
            "ssl.certificate.location": self.kafka_ssl_certfile,
            "ssl.key.location": self.kafka_ssl_keyfile,
        }
        client = {name: value for name, value in client.items() if value != ""}
        return client | {name.replace("_", "."): value for name, value in extra.items()}

    def aiokafka(self, **extra: Any) -> dict[str, Any]:
        """Settings of an aiokafka client, with `extra` on top."""
        return {
            "bootstrap_servers": self.kafka_bootstrap,
            "security_protocol": self.kafka_security_protocol,
            "ssl_context": self.tls_context(),
            "sasl_mechanism": self.kafka_sasl_mechanism or "PLAIN",
            "sasl_plain_username": self.kafka_sasl_username or None,
            "sasl_plain_password": self.kafka_sasl_password or None,
        } | extra

    def tls_context(self) -> Any:
        """The ssl.SSLContext of a client that is not librdkafka's; None without TLS."""
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        import ssl  # noqa: PLC0415 -- only where TLS is configured

        context = ssl.create_default_context(cafile=self.kafka_ssl_cafile or None)
        if self.kafka_ssl_certfile:
            context.load_cert_chain(self.kafka_ssl_certfile, self.kafka_ssl_keyfile or None)
        return context


def _variable(name: str) -> str:
    return name.upper() if name.startswith("kafka_") else f"TOLLGATE_{name.upper()}"


def _convert(name: str, wanted: Any, value: Any) -> Any:
    if wanted is bool or wanted == "bool":
        if isinstance(value, bool):
            return value
        if str(value).lower() in {"true", "1", "yes"}:
            return True
        if str(value).lower() in {"false", "0", "no"}:
            return False
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    if wanted is int or wanted == "int":
        try:
            return int(value)
        except (TypeError, ValueError):
            raise SettingsError(f"{name} must be a whole number, not {value!r}") from None
    return str(value)
