"""RESTCONF, driven by what others have written for other servers: two Python libraries.

pynso-restconf is SURF's client of Cisco NSO: it asks with HEAD, reads parts and datastores, and raises what
requests raises. iupy-restconf finds the root by host-meta, and reads the YANG library and the operations.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from pynso import DatastoreType, NSOClient
from restconf import RestConf

from tests.clients.web_agent import IPSEC, SECRET, TUNNELS, WORD, WebAgent, blocks, running_web_agent, tunnel

LIMIT_S = 60
EXPLAIN = "yangswan-agent:explain-access"
QUESTION = {"yangswan-agent:input": {"user": "admin", "path": "/yangswan-ipsec:tunnels", "access": "read"}}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebAgent]:
    with running_web_agent(tmp_path_factory.mktemp("web")) as running:
        yield running
        log = "".join(running.process.log)
    assert "Traceback" not in log
    assert WORD not in log
    assert SECRET not in log


# -- pynso-restconf --------------------------------------------------------------------------------


@contextmanager
def nso_client(agent: WebAgent, word: str = WORD) -> Iterator[NSOClient]:
    client = NSOClient(
        "localhost", agent.user, word, port=agent.port, ssl=True, verify_ssl=str(agent.authority)
    )
    client.connection.session.trust_env = False  # else REQUESTS_CA_BUNDLE of who runs this counts
    with client.connection.session:
        yield client


@pytest.fixture
def pynso(agent: WebAgent) -> Iterator[NSOClient]:
    with nso_client(agent) as client:
        yield client


@pytest.fixture(autouse=True)
def no_tunnels(agent: WebAgent) -> None:
    with nso_client(agent) as client:
        client.delete_path([TUNNELS])


def at(number: int, *below: str) -> list[str]:
    return [TUNNELS, f"ipsec={number}", *below]


def test_pynso_makes_reads_changes_and_deletes_a_tunnel(pynso: NSOClient) -> None:
    assert not pynso.exists(at(1))
    pynso.create_data_value([TUNNELS], json.dumps(tunnel(1, "made")))
    assert pynso.exists(at(1))
    pynso.update_data_value(at(1), json.dumps({IPSEC: [{"id": 1, "enabled": False}]}))
    (found,) = pynso.get_data(at(1), datastore=DatastoreType.CONFIG)[IPSEC]
    assert {IPSEC: [found]} == tunnel(1, "made", enabled=False)
    (state,) = pynso.get_data(at(1), datastore=DatastoreType.NONCONFIG)[IPSEC]
    assert state["state"]["status"] == "down"
    assert "description" not in state
    pynso.set_data_value(at(1), json.dumps(tunnel(1, "replaced")))
    (found,) = pynso.get_data(at(1), params={"fields": "description;enabled", "with-defaults": "report-all"})[
        IPSEC
    ]
    assert found["description"] == "replaced"
    assert found["enabled"] is True
    assert pynso.get_data(at(1, "description")) == {"yangswan-ipsec:description": "replaced"}
    pynso.delete_path(at(1))
    assert not pynso.exists(at(1))


def test_pynso_reads_the_library_and_datastores(pynso: NSOClient) -> None:
    names = {module["name"] for module in pynso.info()["module"]}
    assert {"yangswan-ipsec", "ietf-netconf-acm"} <= names
    pynso.set_data_value(at(2), json.dumps(tunnel(2, "to be read")))
    assert {"id": 2} in pynso.get_datastore("running", params={"fields": f"{TUNNELS}/ipsec/id"})[TUNNELS][
        "ipsec"
    ]
    operational = pynso.get_datastore("operational", params={"depth": 2})
    assert {TUNNELS, "ietf-yang-library:yang-library"} <= operational.keys()
    assert "DELETE" in pynso.connection.options("data", path="/".join(at(2)))
    pynso.delete_path(at(2))


def test_pynso_carries_out_an_operation_and_an_action(pynso: NSOClient) -> None:
    said = pynso.connection.post("operations", path=EXPLAIN, data=json.dumps(QUESTION))
    assert said["yangswan-agent:output"]["action"] == "permit"
    pynso.set_data_value(at(3), json.dumps(tunnel(3, "to be acted on")))
    with pytest.raises(requests.HTTPError) as refused:  # no charon is there
        pynso.call_operation(at(3, "restart"), None)
    assert refused.value.response.status_code == 501
    assert "this agent runs without charon" in str(refused.value)
    pynso.delete_path(at(3))


@pytest.mark.parametrize(
    ("do", "status", "words"),
    [
        (lambda client: client.get_data(at(9)), 404, "there is nothing in this place"),
        (lambda client: client.get_data(["none:such"]), 404, "none"),
        (lambda client: client.create_data_value([TUNNELS], "{"), 400, "malformed-message"),
        (
            lambda client: client.create_data_value([TUNNELS], json.dumps(tunnel(4, "again"))),
            409,
            "data-exists",
        ),
        (
            lambda client: client.set_data_value(at(5), json.dumps(tunnel(6, "other"))),
            400,
            "keys in the body",
        ),
        (
            lambda client: client.set_data_value(
                at(5), json.dumps(tunnel(5, "x", **{"local-address": "224.0.0.1"}))
            ),
            412,
            "local-address must be the address of one host",
        ),
        (lambda client: client.delete_path([TUNNELS, "ipsec"]), 405, "GET, HEAD, OPTIONS are"),
    ],
)
def test_pynso_tells_what_is_wrong(
    pynso: NSOClient, do: Callable[[NSOClient], object], status: int, words: str
) -> None:
    pynso.set_data_value(at(4), json.dumps(tunnel(4, "there")))
    with pytest.raises(requests.HTTPError) as refused:
        do(pynso)
    assert refused.value.response.status_code == status
    assert words in str(refused.value)


def test_pynso_with_a_wrong_password_is_told_so(agent: WebAgent) -> None:
    with nso_client(agent, "wrong") as client, pytest.raises(requests.HTTPError) as refused:
        client.get_data([TUNNELS])
    assert refused.value.response.status_code == 401
    assert "access-denied" in str(refused.value)


# -- iupy-restconf ---------------------------------------------------------------------------------


@pytest.fixture
def kit(agent: WebAgent) -> RestConf:
    client = RestConf()
    assert client.connect(
        transport="https",
        host="localhost",
        port=agent.port,
        un=agent.user,
        pw=WORD,
        ssl_verify=str(agent.authority),
    )
    return client


def test_iupy_finds_the_root_and_what_is_there(kit: RestConf) -> None:
    assert kit._config["base"] == "/restconf"
    kit.get_yang_date()
    assert kit.yang_library == {"ietf-restconf:yang-library-version": "2019-01-04"}
    kit.get_data_modules()
    module = kit.check_data_module("yangswan-ipsec")
    assert module["namespace"] == "urn:yangswan:params:xml:ns:yang:ipsec"
    assert module["conformance-type"] == "implement"
    assert kit.check_data_module("none") is False
    kit.get_operations_resources()
    assert kit.check_operations_resources(EXPLAIN) == [None]
    assert kit.check_operations_resources("ietf-netconf:commit") is False


def test_iupy_makes_reads_changes_and_deletes_a_tunnel(kit: RestConf) -> None:
    path = f"data/{TUNNELS}/ipsec=11"
    assert kit.head(path).status_code == 404
    made = kit.post(f"data/{TUNNELS}", tunnel(11, "made"))
    assert made.status_code == 201
    assert made.headers["Location"].endswith(f"/restconf/{path}")
    assert kit.patch(path, {IPSEC: [{"id": 11, "enabled": False}]}).status_code == 204
    read = kit.get(path)
    assert read.headers["Content-Type"] == "application/yang-data+json"
    (found,) = read.json()[IPSEC]
    assert (found["description"], found["enabled"], found["state"]["status"]) == ("made", False, "down")
    assert kit.put(path, tunnel(11, "replaced")).status_code == 204
    assert kit.get(f"{path}?content=config").json() == tunnel(11, "replaced")
    said = kit.post(f"operations/{EXPLAIN}", QUESTION)
    assert (said.status_code, said.json()["yangswan-agent:output"]["action"]) == (200, "permit")
    assert kit.post(f"{path}/restart").status_code == 501  # no charon is there
    assert kit.delete(path).status_code == 204
    gone = kit.get(path)
    (error,) = gone.json()["ietf-restconf:errors"]["error"]
    assert (gone.status_code, error["error-tag"]) == (404, "invalid-value")


def test_iupy_is_told_what_is_wrong(kit: RestConf) -> None:
    refused = kit.put(f"data/{TUNNELS}/ipsec=12", tunnel(12, "x", secret="short"))
    (error,) = refused.json()["ietf-restconf:errors"]["error"]
    assert (refused.status_code, error["error-tag"]) == (400, "invalid-value")
    assert error["error-path"].endswith("/secret")
    assert "short" not in refused.text
    kit.get_netconf_state()  # it names no module, which section 3.5.3 demands
    assert kit.netconf_state["ietf-restconf:errors"]["error"][0]["error-tag"] == "invalid-value"


# -- docs/restconf.md ------------------------------------------------------------------------------


def test_the_scripts_of_the_page_do_what_it_says(agent: WebAgent) -> None:
    printed = ('"status": "down"', f"  {EXPLAIN} -> [None]")
    for script, words in zip(blocks(agent, "python"), printed, strict=True):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=agent.folder, capture_output=True, text=True, timeout=LIMIT_S, check=False, env={},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert words in done.stdout.replace("'", '"')
