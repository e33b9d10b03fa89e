"""What all tests share: which can run here, an agent, and the lab of those that take two gateways."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from agent.datastore.pruning import Keep
from agent.datastore.store import Store
from script import apparmor
from tests.agent_process import AgentProcess, running_agent
from tests.lab import Lab, open_lab
from translators.strongswan.charon.daemon import BINARIES
from translators.strongswan.charon.kernel import kernel_has_esp

# How long an example takes says more of the machine than of the code.
settings.register_profile("yangswan", deadline=None)
settings.load_profile("yangswan")


def missing_for_real_tests() -> str | None:
    """Return why the tests marked ``real`` cannot run here, or None when they can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces and charon"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun, for ESP in user space"
    if not any(Path(binary).exists() for binary in BINARIES):
        return "needs charon (package strongswan-charon; script/setup installs it)"
    if shutil.which("ip") is None:
        return "needs the command ip (package iproute2; script/setup installs it)"
    return None


def missing_for_machine_tests() -> str | None:
    """Return why the tests marked ``machine`` cannot run here, or None when they can."""
    if os.geteuid() != 0:
        return "needs root, for mounts and namespaces"
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "needs Linux on amd64"
    if shutil.which("apt-get") is None:
        return "needs apt-get, to find a mirror of Debian and a kernel"
    return None


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what runs in the background with SIGINT ignored, and all that it starts inherits that: no
    # Ctrl-C of a test would then be heard.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    in_kernel = [item for item in items if item.get_closest_marker("kernel_esp")]
    # Not skipped, because nothing is missed: such a machine runs them on a guest (tests/machines).
    if in_kernel and not asyncio.run(kernel_has_esp()):
        config.hook.pytest_deselected(items=in_kernel)
        items[:] = [item for item in items if item not in in_kernel]
    for marker, reason in (("real", missing_for_real_tests()), ("machine", missing_for_machine_tests())):
        for item in items:
            if reason is not None and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def confinement(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where AppArmor confines charon, it may use its files below the tests' own folder until they end."""
    if os.geteuid() == 0 and any(item.get_closest_marker("real") for item in request.session.items):
        with apparmor.allowed_below(tmp_path_factory.getbasetemp()):
            yield
    else:
        yield


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent without charon, and with the user that it makes at its first start."""
    with running_agent(tmp_path_factory.mktemp("agent") / "data") as running:
        yield running


@pytest.fixture(autouse=True)
def signals_are_heard() -> Iterator[None]:
    """Every process that is started inherits which signals are blocked: no later test could end its own."""
    yield
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()), "a test left signals blocked"


@pytest.fixture(autouse=True)
def histories_closed() -> Iterator[None]:
    """Close each history that a test left open, as a killed agent does: Python 3.13 warns of them.

    With patches of its own: with monkeypatch, those of a test would be undone only after the lab is closed.
    """
    opened: list[Store] = []
    make = Store.__init__

    def remember(store: Store, path: Path, *, new: bool = True, keep: Keep | None = None) -> None:
        make(store, path, new=new, keep=keep)
        opened.append(store)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "__init__", remember)
        yield
        for store in opened:
            store.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path) as opened:
        yield opened
