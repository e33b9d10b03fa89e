"""What is checked against the running daemon and the other tunnels, as an orchestrator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab
from tests.real.gateways import gateway, on, problems, text

pytestmark = pytest.mark.real

PLUGINS = Path("/usr/lib/ipsec/plugins")


def tunnel(number: int, peer: int, remote: str = "10.2.0.0/16", extra: str = "", **leafs: str) -> str:
    """Return a responder at alice to the peer 192.168.0.``peer``."""
    settings = {
        "secret": f"secret-of-{number:05d}",
        "local-address": "192.168.0.1",
        "peer": f"192.168.0.{peer}",
        "local-id": "<name>alice</name>",
        "remote-id": f"<name>peer-{number}</name>",
        "local-subnet": "10.1.0.0/16",
        "remote-subnet": remote,
        **{name.replace("_", "-"): value for name, value in leafs.items()},
    }
    body = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    return f"<ipsec><id>{number}</id>{body}{extra}</ipsec>"


@contextmanager
def alice(lab: Lab, folder: Path, settings: str = "") -> Iterator[AgentProcess]:
    file = folder / "settings.toml"
    file.write_text(f"[translator.strongswan]\n{settings}\n")
    with gateway(lab.alice_ns, folder / "agent", "--config", str(file)) as agent:
        yield agent


def commit(lab: Lab, agent: AgentProcess, body: str) -> None:
    on(lab.alice_ns, agent, lambda o: o.commit(body))


def test_the_same_traffic_to_two_peers_is_refused_and_nested_traffic_is_shown(
    lab: Lab, tmp_path: Path
) -> None:
    with alice(lab, tmp_path) as agent:
        commit(lab, agent, tunnel(1, 2))
        for operation in ("<commit/>", "<validate><source><candidate/></source></validate>"):
            ((tag, app_tag, path, message),) = problems(lab.alice_ns, agent, tunnel(2, 3), operation)
            assert (tag, app_tag) == ("invalid-value", "selectors-conflict")
            assert path == "/ipsec:tunnels/ipsec:ipsec[ipsec:id='2']"
            for word in ("tunnels 1 and 2", "10.1.0.0/16", "10.2.0.0/16", "192.168.0.2", "192.168.0.3"):
                assert word in message
        commit(lab, agent, tunnel(2, 3, "10.2.7.0/24"))
        state = on(lab.alice_ns, agent, lambda o: o.state(2))
        assert (text(state, "overlap/tunnel"), text(state, "overlap/relation")) == ("1", "narrower")
        assert text(on(lab.alice_ns, agent, lambda o: o.state(1)), "overlap/relation") == "wider"
        commit(lab, agent, "<ipsec><id>1</id><enabled>false</enabled></ipsec>")
        assert text(on(lab.alice_ns, agent, lambda o: o.state(2)), "overlap/tunnel") == ""


def test_secrets_and_identities_that_shadow_others_are_refused(lab: Lab, tmp_path: Path) -> None:
    with alice(lab, tmp_path) as agent:
        commit(lab, agent, tunnel(1, 2))
        shadowing = tunnel(
            2, 3, "10.3.0.0/16", remote_id="<name>peer-1</name>", local_id="<name>other</name>"
        )
        ((_tag, app_tag, _path, message),) = problems(lab.alice_ns, agent, shadowing)
        assert app_tag == "secret-shadowed"
        assert "tunnel 1 for tunnel 2" in message
        assert "secret-of" not in message
        twin = tunnel(2, 3, "10.3.0.0/16", remote_id="<name>peer-1</name>", secret="secret-of-00001")
        ((_tag, app_tag, _path, message),) = problems(lab.alice_ns, agent, twin)
        assert app_tag == "identity-conflict"
        assert "tunnels 1 and 2" in message


def plugins_without(folder: Path, *names: str) -> Path:
    """Return a folder with the plugins that are installed, but for these."""
    plugins = folder / "plugins"
    plugins.mkdir()
    for plugin in PLUGINS.glob("libstrongswan-*.so"):
        if plugin.stem.removeprefix("libstrongswan-") not in names:
            (plugins / plugin.name).symlink_to(plugin)
    return plugins


def test_an_algorithm_that_the_daemon_has_not_loaded_is_refused_by_name(lab: Lab, tmp_path: Path) -> None:
    plugins = plugins_without(tmp_path, "openssl", "ccm")
    ccm = "<priority>1</priority><cipher>aes128ccm16</cipher><dh>x25519</dh>"
    esp = f"<esp><proposal>{ccm}</proposal></esp>"
    with alice(lab, tmp_path, f'plugin-dir = "{plugins}"') as agent:
        ((tag, app_tag, path, message),) = problems(lab.alice_ns, agent, tunnel(1, 2, extra=esp))
        assert (tag, app_tag) == ("invalid-value", "algorithm-not-loaded")
        assert path.endswith("ipsec:esp/ipsec:proposal[ipsec:priority='1']/ipsec:cipher")
        for word in ("aes128ccm16", "AES_CCM_16", "choose another", "openssl"):
            assert word in message
        commit(lab, agent, tunnel(1, 2, extra=esp.replace("ccm16", "gcm16")))


def test_key_exchanges_that_the_daemon_lacks_are_refused_by_name(lab: Lab, tmp_path: Path) -> None:
    plugins = plugins_without(tmp_path, "openssl", "ml")
    hybrid = "<priority>1</priority><cipher>aes128gcm16</cipher><dh>x25519</dh><ke>mlkem768</ke>"
    esp = f"<esp><proposal>{hybrid}</proposal></esp>"
    with alice(lab, tmp_path, f'plugin-dir = "{plugins}"') as agent:
        ((tag, app_tag, path, message),) = problems(lab.alice_ns, agent, tunnel(1, 2, extra=esp))
        assert tag == "invalid-value"
        where, words = {  # with strongSwan before 6.0, and since
            "ke-not-supported": ("ipsec:ke", "remove ke"),
            "algorithm-not-loaded": ("ipsec:ke[.='mlkem768']", "ML_KEM_768"),
        }[app_tag]
        assert path.endswith(f"ipsec:esp/ipsec:proposal[ipsec:priority='1']/{where}")
        assert words in message


def test_a_local_address_that_is_on_no_interface_is_no_error_but_shown(lab: Lab, tmp_path: Path) -> None:
    with alice(lab, tmp_path) as agent:
        commit(lab, agent, tunnel(1, 2, local_address="192.168.0.77") + tunnel(2, 3, "10.3.0.0/16"))
        there = "local-address-present"
        assert text(on(lab.alice_ns, agent, lambda o: o.state(1)), there) == "false"
        assert text(on(lab.alice_ns, agent, lambda o: o.state(2)), there) == "true"
        lab.alice_ns.ip("address", "add", "192.168.0.77/32", "dev", "lo")
        on(lab.alice_ns, agent, lambda o: o.until(1, lambda state: text(state, there) == "true"))


def test_more_tunnels_than_the_setting_permits_are_refused(lab: Lab, tmp_path: Path) -> None:
    with alice(lab, tmp_path, "max-tunnels = 2") as agent:
        commit(lab, agent, tunnel(1, 2))
        more = tunnel(2, 3, "10.3.0.0/16") + tunnel(3, 4, "10.4.0.0/16")
        ((tag, app_tag, path, message),) = problems(lab.alice_ns, agent, more)
        assert (tag, app_tag, path) == ("operation-failed", "too-many-elements", "/ipsec:tunnels/ipsec:ipsec")
        assert "3 tunnels" in message
        assert "max-tunnels permits 2" in message
        commit(lab, agent, tunnel(2, 3, "10.3.0.0/16"))
