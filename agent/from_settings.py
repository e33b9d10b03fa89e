"""What the settings ask for, made: limits, translators, schema; and what of the settings cannot be used."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points

from agent import named
from agent.command_line import Task
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.moves import hints
from agent.datastore.store_errors import StoreDamaged, StoreNewer
from agent.notifications import Stream
from agent.offline.folder import examine
from agent.operational import Operational
from agent.operations.context import Context
from agent.restconf.monitoring import MODULE as RESTCONF_MODULE
from agent.served import SERVED, standard_modules
from agent.server import routed_address
from agent.settings import Settings, SettingsError
from agent.translator import Notification, Translator
from agent.translator import Settings as TranslatorSettings
from agent.transport import activation
from agent.transport.activation import Passed
from agent.transport.limits import Limits
from agent.transport.users import keyless
from agent.xml import MAX_DEPTH
from agent.yang.modules import SchemaError
from agent.yang.schema import Schema

log = logging.getLogger("agent")

MAX_LIMIT = 2**31 - 1
TRANSLATORS = "yangswan.translators"


class Outlet:
    """Where translators send what happens and ask: they are made first, and who takes it later."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.operational: Operational | None = None
        self.confirmed: ConfirmedCommits | None = None
        self.context: Context | None = None

    def publish(self, notification: Notification) -> None:
        if self.stream is not None:
            self.stream.publish(notification)

    def state_changed(self, paths: Sequence[str]) -> None:
        if self.operational is not None:
            self.operational.state_changed(paths)

    def rollback_pending(self) -> bool:
        return self.confirmed is not None and self.confirmed.rollback_pending

    def clients(self) -> Sequence[str]:
        callers = () if self.context is None else self.context.callers()
        return sorted({address for caller in callers if (address := routed_address(caller.source))})


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at settings has found, and made: translators that send to ``outlet``, all of them if there
    are no ``faults``."""

    faults: list[str]
    translators: list[Translator]
    outlet: Outlet


def look(settings: Settings, task: Task, *, starting: bool = False) -> Looked:
    """Return a sentence for each setting that cannot be used for ``task``; nothing is written.

    What only an agent uses keeps no leak protection from coming into force. For a check alone every YANG
    module is loaded and the history read: a start does it in any case. ``starting``: the keys of one user
    keep no agent from bringing its tunnels up, if another user can log in.

    Raises:
        StoreError: the history cannot be used at the moment.
        OSError: it cannot be read at the moment.
    """
    faults: list[str] = []
    translators: list[Translator] = []
    looked = Looked(faults, translators, outlet=Outlet())
    for make in (make_limits, lambda those: translators.extend(make_translators(those, looked.outlet))):
        try:
            make(settings)
        except SettingsError as problem:
            faults.extend(problem.faults)
    if task in (Task.RUN, Task.CHECK):
        found = named.faults(settings)
        faults.extend(_but_for_some_keys(settings, found) if starting and task is Task.RUN else found)
        faults.extend(fault for translator in translators for fault in translator.unusable())
    if task is Task.CHECK and not faults:
        try:
            schema = make_schema(settings, translators)
        except (SchemaError, OSError) as problem:
            faults.append(str(problem))
            return looked
        try:
            examine(settings.data_dir, schema, translators)
        except (StoreDamaged, StoreNewer) as problem:
            faults.append(str(problem))
    return looked


def _but_for_some_keys(settings: Settings, faults: list[str]) -> list[str]:
    """Return ``faults`` without those of users' keys, which are logged, unless nobody could log in."""
    without_keys = keyless(settings.users)
    if len(without_keys) == len(settings.users):
        return faults
    for sentence in without_keys:
        log.error("%s", sentence)
    return [fault for fault in faults if fault not in without_keys]


def faults_of(settings: Settings, task: Task) -> list[str]:
    """Return the faults of ``look``."""
    return look(settings, task).faults


def as_passed(settings: Settings, passed: Passed) -> Settings:
    """Return the settings with the addresses that clients come to where systemd has them for this agent."""
    if passed.unix:
        settings = replace(settings, socket=passed.unix[0].getsockname())
    if not passed.tcp:
        return settings
    if sentence := activation.mismatch(passed.tcp, settings.host, settings.port):
        log.warning("%s", sentence)
    host, port = activation.address(passed.tcp[0])
    return replace(settings, host=host, port=port)


def make_limits(settings: Settings) -> Limits:
    """Return the limits of the settings.

    Raises:
        SettingsError: unknown limits, or such that are no positive numbers.
    """
    known = {f.name.replace("_", "-") for f in dataclasses.fields(Limits)}
    faults = []
    for name, value in settings.limits.items():
        if name not in known:
            faults.append(f"unknown limit '{name}'; known are {', '.join(sorted(known))}")
        elif not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_LIMIT:
            faults.append(f"the limit '{name}' must be a positive number, {MAX_LIMIT} at most")
        elif name == "message-depth" and value > MAX_DEPTH:
            faults.append(f"the limit 'message-depth' can be {MAX_DEPTH} at most")
    if faults:
        raise SettingsError(*faults)
    return Limits(**{name.replace("-", "_"): value for name, value in settings.limits.items()})


def make_translators(settings: Settings, outlet: Outlet | None = None) -> list[Translator]:
    """Return one of each translator that is installed (entry-point group yangswan.translators).

    Raises:
        SettingsError: there are settings for a translator that is not installed, or one cannot use its own.
    """
    made: list[Translator] = []
    outlet = outlet or Outlet()
    installed = sorted(entry_points(group=TRANSLATORS), key=lambda e: e.name)
    names = [entry_point.name for entry_point in installed]
    faults = [
        f"no translator '{name}' is installed; installed are: {', '.join(names)}"
        for name in sorted(set(settings.translators) - set(names))
    ]
    for entry_point in installed:
        try:
            factory = entry_point.load()
        except (ImportError, AttributeError, SyntaxError) as problem:  # of an installation of another version
            faults.append(
                f"the translator '{entry_point.name}' cannot be loaded ({entry_point.value}: {problem}): "
                "install the package that it is from anew, or remove it"
            )
            continue
        options = settings.translators.get(entry_point.name, {})
        given = TranslatorSettings(
            data_dir=settings.data_dir,
            charon=settings.charon,
            options=options,
            notify=outlet.publish,
            state_changed=outlet.state_changed,
            rollback_pending=outlet.rollback_pending,
            clients=outlet.clients,
            keep_on_stop=settings.on_stop == "keep",
        )
        try:
            made.append(factory(given))
        except ValueError as problem:
            faults.extend(map(str, problem.args))
    if faults:
        raise SettingsError(*faults)
    if not made:
        log.warning("no translator is installed: configuration is kept, and nothing is applied")
    return made


def make_schema(settings: Settings, translators: list[Translator]) -> Schema:
    """Load every served module, with the features that the translators have."""
    files = [file for translator in translators for file in translator.yang_files]
    disabled = {name: f for translator in translators for name, f in translator.disabled_features.items()}
    schema = Schema(
        standard_modules(),
        modules=SERVED if settings.web is None else (*SERVED, (RESTCONF_MODULE, None)),
        files=[*files, *settings.yang_modules],
        disabled_features=disabled,
    )
    schema.names = {path: entry for t in translators for path, entry in t.names.items()}
    schema.states = {t.config_list: t.state_path.removeprefix(t.config_list) for t in translators}
    schema.hints = hints((move for t in translators for move in t.moves), schema.namespaces())
    return schema
