"""Composition root: settings -> Faust app -> agents, in the order of the flow.

`faust -A pipeline.app worker` and `tollgate worker` both start what is built here. Owns which parts
exist and how they know each other; contains no behaviour of its own. What Faust is told, and why,
is in docs/adr/0001-faust-as-the-frame.md.
"""

import asyncio
import gc
import time
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import faust
import structlog
from faust import auth
from faust.stores import STORES
from faust.transport.drivers import TRANSPORTS

from pipeline.agents.gate import Gate, GateLane
from pipeline.agents.reporting import Reporting, ReportingLane
from pipeline.build import compiled, stale
from pipeline.codecs.registry import schema_ids
from pipeline.fatal import stop_worker
from pipeline.lane.family import LaneFamily
from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.owners import address_text, client_id, owner_address
from pipeline.streaming.topic_admin import admin_client, partition_counts
from pipeline.streaming.transaction import Transaction
from pipeline.tables.changelog import KafkaChangelogs
from pipeline.tables.inspection import Inspection
from pipeline.tables.lane import TableLane
from pipeline.tables.recovery import LaneTables
from pipeline.tables.restore import LanePlace
from pipeline.tables.store import STORE_SCHEME, LaneStore, LaneTable
from pipeline.telemetry.endpoint import Endpoint
from pipeline.telemetry.logs import configure_logging, logging_config
from pipeline.telemetry.metrics import Metrics
from pipeline.telemetry.token import read_token
from pipeline.telemetry.tracing import Tracing
from pipeline.topics import (
    INPUT_BYTES_MAX,
    LANE_INPUTS,
    OUTPUT_BYTES_MAX,
    REGULATORY_EVENTS,
    REPORT_DAYS_CHANGELOG,
    RISK_CONTEXTS_CHANGELOG,
)

_log: Final = structlog.get_logger(__name__)

_BUFFERED_EVENTS_MAX: Final = 64
_TICK_S: Final = 0.1
# Allocations between two collections of the youngest. The older, among them every cached row, are
# looked through by the clock only: that takes tenths of a second, and finds what libraries left.
_GC_THRESHOLDS: Final = (200_000, 1_000, 1_000)
_TICKS_PER_LAG: Final = 10
_TICKS_PER_COLLECTION: Final = 6_000

# The entry points of pyproject.toml say the same; this works without an installation.
TRANSPORTS.aliases.setdefault("lane", "pipeline.streaming.transport:LaneTransport")
STORES.aliases.setdefault("lane", "pipeline.tables.store:LaneStore")


def families_of(settings: Settings) -> dict[str, LaneFamily]:
    """The lane families by the name of their table."""
    gate = LaneFamily(
        name="gate",
        table="risk-contexts",
        topics=tuple(settings.topic(topic.name) for topic in LANE_INPUTS),
        changelog=settings.topic(RISK_CONTEXTS_CHANGELOG.name),
    )
    families = {gate.table: gate}
    if settings.reporting:
        reporting = LaneFamily(
            name="reporting",
            table="report-days",
            topics=(settings.topic(REGULATORY_EVENTS.name),),
            changelog=settings.topic(REPORT_DAYS_CHANGELOG.name),
        )
        families[reporting.table] = reporting
    return families


class GateApp(faust.App):
    """The Faust app with what its agents and recovery share."""

    def prepare(self, settings: Settings) -> None:
        """Build what does not need a broker; called once, before tables and agents exist."""
        self.settings = settings
        self.families = families_of(settings)
        self.families_by_name = {family.name: family for family in self.families.values()}
        self.tables_of: dict[str, LaneTable] = {}
        self.metrics = Metrics()
        self.metrics.build(version("tollgate"), CORE_VERSIONS, compiled=compiled())
        self.schema_ids = schema_ids(settings)
        self.tracing = Tracing(settings)
        self.gate = Gate(self, settings)
        self.reporting = Reporting(self, settings, self.schema_ids)
        self.transaction = Transaction(settings, on_commit=self.metrics.committed)
        inspection = Inspection(
            settings.worker_id,
            settings.partitions,
            board=self.metrics.board,
            lanes=lambda: self.stores["gate"].lanes,
            generation=lambda: self.whole_generation,
            owner_of=lambda lane: owner_address(admin_client(settings), settings, lane),
        )
        self.endpoint = Endpoint(
            self.metrics.registry,
            inspection,
            token=read_token(settings),
            remote=settings.state_remote,
        )
        self._whole_generation: int | None = None

    @property
    def stores(self) -> dict[str, LaneStore]:
        """The open stores by family name."""
        return {name: table.data for name, table in self.tables_of.items()}

    @property
    def whole_generation(self) -> int | None:
        """The group's generation whose lanes are whole here; None while there is none."""
        return None if self.rebalancing else self._whole_generation

    async def on_first_start(self) -> None:
        """Fence an older self, then let Faust join the group."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._connect)
        except Exception as error:  # noqa: BLE001 -- a start that fails must end the process
            stop_worker("could not start: is the broker up and are the topics created?", error)
        await super().on_first_start()

    def _connect(self) -> None:
        self._require_partitions()
        Path(self.conf.datadir).mkdir(parents=True, exist_ok=True)
        changelogs = [family.changelog for family in self.families.values()]
        source = KafkaChangelogs(self.settings, lambda: False)
        self.transaction.start(source.topic_ids(changelogs))
        host = self.settings.metrics_host
        port = self.endpoint.serve(host, self.settings.metrics_port)
        # Kafka keeps it with the group's member: so a worker that holds a lane can be found.
        self.conf.broker_client_id = client_id(self.settings, port)
        _log.info("metrics", url=f"http://{address_text((host, port))}/metrics")

    def _require_partitions(self) -> None:
        """With another count a user's records would not be where this worker looks for them."""
        wanted = self.settings.partitions
        counts = partition_counts(admin_client(self.settings))
        for family in self.families.values():
            for topic in (*family.topics, family.changelog):
                if counts.get(topic) != wanted:
                    raise SettingsError(
                        f"topic {topic} has {counts.get(topic, 0)} partitions, the setting "
                        f"`partitions` says {wanted}: run `tollgate doctor`"
                    )

    async def on_shutdown(self) -> None:
        """After the last commit: close its connections, send what is left of traces."""
        await super().on_shutdown()
        self.transaction.disconnect()
        self.tracing.shutdown()
        self.endpoint.close()

    def open_work(self, lane: TableLane) -> GateLane | ReportingLane:
        """The object an agent keeps for a lane that recovery has made whole."""
        if lane.family.name == "gate":
            return GateLane(lane, self.settings, self.schema_ids)
        return ReportingLane(lane)

    def show_lag(self) -> None:
        """How far the gate's lanes are behind, in records and, of what is buffered, in seconds."""
        family = self.families["risk-contexts"]
        now_ms = time.time_ns() // 1_000_000
        for lane in self.stores["gate"].lanes:
            behind, oldest_ms = self.consumer.lag(family, lane)
            age_s = 0.0 if oldest_ms is None else max(0, now_ms - oldest_ms) / 1000
            self.metrics.lane_lag(lane, behind, age_s)

    def lanes_ready(self, kept: Collection[LanePlace]) -> None:
        """Lanes are whole and flow has resumed; those of `kept` never left."""
        self._whole_generation = self.consumer_generation_id
        if len(kept) < sum(len(store.lanes) for store in self.stores.values()):
            _keep_garbage_collection_off_the_hot_path()
        if "reporting" in self.stores:
            for partition, lane in self.stores["reporting"].lanes.items():
                if LanePlace(lane.family, partition) not in kept:
                    self.reporting.opened(lane)


def _keep_garbage_collection_off_the_hot_path() -> None:
    """What has been loaded stays; what an order leaves behind has no cycles.

    With the defaults, the collector walks the cached rows again and again, for a fifth of the
    time of deciding, and finds nothing. It still runs, for the few cycles of the libraries.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def create_app(settings: Settings) -> GateApp:
    """The app of one worker."""
    if stale():
        raise SettingsError("the compiled modules are older than their sources: run `make build`")
    configure_logging(settings)
    bootstrap = settings.kafka_bootstrap.split(",")
    app = GateApp(
        settings.app_id,
        broker=[f"kafka://{address}" for address in bootstrap],
        broker_consumer=[f"lane://{address}" for address in bootstrap],
        broker_credentials=_credentials(settings),
        store=f"{STORE_SCHEME}://",
        datadir=str(Path(settings.data_dir) / "faust"),
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        topic_disable_leader=True,
        # `tollgate topics create` makes the topics, with the settings they need.
        topic_allow_declare=False,
        broker_max_poll_records=4 * settings.batch_records_max,
        consumer_max_fetch_size=4 * INPUT_BYTES_MAX,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.worker_id if settings.static_member else None,
        broker_session_timeout=float(settings.session_timeout_s),
        broker_heartbeat_interval=settings.heartbeat_ms / 1000,
        broker_rebalance_timeout=float(settings.rebalance_timeout_s),
        broker_max_poll_interval=120.0,
        producer_max_request_size=OUTPUT_BYTES_MAX,
        stream_buffer_maxsize=_BUFFERED_EVENTS_MAX,
        # Without it the hook that settles the open transaction before a revoke never runs.
        stream_wait_empty=True,
        web_enabled=False,
        logging_config=logging_config(settings),
        TableManager=LaneTables,
        Table=LaneTable,
        table_standby_replicas=settings.standby_replicas,
    )
    app.prepare(settings)
    for family in app.families.values():
        app.tables_of[family.name] = app.Table(
            family.table,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            changelog_topic=app.topic(
                family.changelog,
                partitions=settings.partitions,
                compacting=True,
                internal=True,
            ),
        )
    _add_agents(app)
    return app


def _add_agents(app: GateApp) -> None:
    """One agent a step of topology.md; each event is a merged batch of one lane."""
    handlers = {"gate": app.gate, "reporting": app.reporting}

    def add(name: str, family: LaneFamily) -> None:
        handler: Any = handlers[name]

        async def handle(stream: Any) -> None:
            async for event in stream.noack().events():
                try:
                    await handler.process(event.message.partition, event.value)
                except Exception as error:  # noqa: BLE001 -- Faust would go on with the next event
                    stop_worker(f"the {name} agent failed", error)
                app.consumer.event_done(event.value)

        inputs = app.topic(
            *family.topics,
            partitions=app.settings.partitions,
            acks=False,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        app.agent(inputs, name=f"pipeline.agents.{name}")(handle)

    for family in app.families.values():
        add(family.name, family)

    @app.task
    async def tick() -> None:
        """Commit what nobody waits for, and show how far behind the lanes are."""
        ticks = 0
        while not app.should_stop:
            await asyncio.sleep(_TICK_S)
            async with app.transaction.lock:
                await app.transaction.close(urgent=False, more_at_hand=False)
            ticks += 1
            if ticks % _TICKS_PER_LAG == 0:
                app.show_lag()
            if ticks % _TICKS_PER_COLLECTION == 0:
                gc.collect()


def _credentials(settings: Settings) -> Any:
    """Faust's credentials from the settings that every client shares."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    context = settings.tls_context()
    if protocol == "SSL":
        return auth.SSLCredentials(context)
    return auth.SASLCredentials(
        mechanism=settings.kafka_sasl_mechanism or "PLAIN",
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password,
        ssl_context=context,
    )


app: Final = create_app(Settings.load())
