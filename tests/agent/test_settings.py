"""Settings: unknown or wrong ones are refused with a message that names them."""

from __future__ import annotations

import dataclasses
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agent import from_settings
from agent.command_line import Task
from agent.from_settings import faults_of, make_limits, make_translators
from agent.settings import (
    FILE_OCTETS_MAX,
    Metrics,
    Settings,
    SettingsError,
    from_file,
    from_file_as_far_as_it_goes,
    parse_address,
)
from agent.transport.limits import Limits


def file_with(folder: Path, text: str) -> Path:
    file = folder / "agent.toml"
    file.write_text(text)
    return file


def test_a_file_with_every_key(tmp_path: Path) -> None:
    text = """
        listen = "[::1]:830"
        data-dir = "data"
        charon = "external"
        on-stop = "keep"
        log-level = "warning"
        log-format = "json"
        yang-modules = ["more.yang"]
        recovery-users = ["rescue"]
        history-commits = 500
        history-days = 30
        socket = "run/netconf"
        socket-group = "staff"
        [users]
        ann = "keys/ann.pub"
        [limits]
        sessions = 3
        [metrics]
        listen = "0.0.0.0:9877"
        anybody = true
        hosts = ["gw.example.net", "192.0.2.7"]
        [translator.strongswan]
        kernel = "netlink"
    """
    assert from_file(file_with(tmp_path, text)) == Settings(
        "::1",
        830,
        tmp_path / "data",
        "external",
        "keep",
        "warning",
        (tmp_path / "more.yang",),
        ("rescue",),
        {"ann": tmp_path / "keys/ann.pub"},
        {"sessions": 3},
        {"strongswan": {"kernel": "netlink"}},
        history_commits=500,
        history_days=30,
        log_format="json",
        socket=str(tmp_path / "run" / "netconf"),
        socket_group="staff",
        metrics=Metrics("0.0.0.0", 9877, hosts=("gw.example.net", "192.0.2.7"), anybody=True),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost"])
def test_metrics_on_loopback_need_no_further_word(tmp_path: Path, host: str) -> None:
    found = from_file(file_with(tmp_path, f'[metrics]\nlisten = "{host}:9877"')).metrics
    assert found == Metrics(host.strip("[]"), 9877)


def test_no_metrics_without_a_word() -> None:
    assert Settings().metrics is None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]", "gw.example.net", "[::ffff:1.2.3.4]"]
)
def test_metrics_for_other_machines_take_a_word(tmp_path: Path, host: str) -> None:
    text = f'[metrics]\nlisten = "{host}:9877"\n'
    with pytest.raises(SettingsError, match=r"set 'metrics\.anybody' to true"):
        from_file(file_with(tmp_path, text + "anybody = false"))
    assert from_file(file_with(tmp_path, text + "anybody = true")).metrics is not None


@pytest.mark.parametrize("key", ["history-commits", "history-days"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"7"', "true", "1000001", "[]"])
def test_what_is_kept_of_the_history_is_a_number(tmp_path: Path, key: str, value: str) -> None:
    most = {"history-commits": 1_000_000, "history-days": 36_500}[key]
    with pytest.raises(SettingsError, match=f"'{key}' must be a whole number from 1 to {most}"):
        from_file(file_with(tmp_path, f"{key} = {value}"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ('charon = "sometimes"', "charon"),
        ('on-stop = "later"', "on-stop"),
        ('log-level = "loud"', "log-level"),
        ('log-format = "xml"', "log-format"),
        ("listen = 8300", "listen"),
        ('listen = "here"', "the setting 'listen': 'here' is not of the form"),
        ('listen = "300.1.1.1:1"', "the setting 'listen': '300.1.1.1:1': 300.1.1.1 is neither"),
        ('listen = "[::1:830"', r"the setting 'listen': '\[::1:830' is not of the form ADDR:PORT; an IPv6"),
        ("history-commits = 0", "'history-commits'"),
        ("history-commits = 1000001", "'history-commits'"),
        ("history-days = 36501", "'history-days'"),
        ('listen = ""', "'listen' must not be empty"),
        ('data-dir = ""', "'data-dir' must not be empty"),
        ("users = 3", "users"),
        ("yang-modules = 'x'", "yang-modules"),
        ("yang-modules = [3]", "yang-modules"),
        ("recovery-users = [3]", "recovery-users"),
        ("users.ann = 3", "users.ann"),
        ("translator.strongswan = 3", "translator.strongswan"),
        ("not toml", "agent.toml"),
        ('data-dir = "a\\u0000"', "'data-dir' must not hold the character NUL"),
        ('yang-modules = ["a", ""]', "'yang-modules' must not be empty"),
        ('users.ann = ""', "'users.ann' must not be empty"),
        ('users.ann = "\\u0000"', "'users.ann' must not hold the character NUL"),
        ("metrics = 3", "'metrics' must be of type dict"),
        ("[metrics]", "the setting 'metrics.listen' is missing"),
        ('[metrics]\nlisten = "9877"', "'metrics.listen': '9877' is not of the form"),
        ("[metrics]\nlisten = 9877", "'metrics.listen' must be of type str"),
        ('[metrics]\nlisten = ""', "'metrics.listen' must not be empty"),
        (
            '[metrics]\nlisten = "[::1]:1"\nport = 1',
            "unknown setting 'metrics.port'; known are anybody, hosts, listen",
        ),
        ('[metrics]\nlisten = "[::1]:1"\nanybody = "yes"', "'metrics.anybody' must be of type bool"),
        (
            '[metrics]\nlisten = "[::1]:1"\nhosts = ["a b"]',
            "'metrics.hosts': 'a b' is not the name of a host",
        ),
        ('[metrics]\nlisten = "[::1]:1"\nhosts = "a"', "'metrics.hosts' must be of type list"),
    ],
)
def test_a_wrong_file_is_refused_with_the_name_of_what_is_wrong(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        from_file(file_with(tmp_path, text))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = 'colour = 1\nshape = 2\nlisten = "here"\ncharon = 3\n[users]\nann = 4\nbob = "b.pub"'
    with pytest.raises(SettingsError) as caught:
        from_file(file_with(tmp_path, text))
    named = [re.search(r"'(.*?)'", fault)[1] for fault in caught.value.faults]  # type: ignore[index]
    assert named == ["colour", "shape", "listen", "charon", "users.ann"]
    assert str(caught.value) == "; ".join(caught.value.faults)


def test_what_is_not_wrong_is_read_all_the_same(tmp_path: Path) -> None:
    text = 'data-dir = "data"\nlog-level = "loud"\n[users]\nann = 4\nbob = "b.pub"'
    settings, faults = from_file_as_far_as_it_goes(file_with(tmp_path, text))
    assert (settings.data_dir, settings.log_level) == (tmp_path / "data", "info")
    assert (settings.users, len(faults)) == ({"bob": tmp_path / "b.pub"}, 2)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'listen = "\xff"', "0xff is not (at line 1, column 11)"),
        (b"\xef\xbb\xbf# \xc3\xa4\n\n# \xc3\xa4 \xe4\n", "0xe4 is not (at line 3, column 5)"),
        ('listen = "[::]:830"'.encode("utf-16"), "0xff is not (at line 1, column 1)"),
    ],
)
def test_a_file_that_is_not_utf_8_is_named_with_the_place(tmp_path: Path, content: bytes, where: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        from_file(file)
    assert str(caught.value) == f"{file}: a settings file is UTF-8, and {where}"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_bytes(b'\xef\xbb\xbflisten = "[::]:830"\n')
    assert from_file(file).port == 830


def test_a_file_of_any_length_or_depth_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"longer than {FILE_OCTETS_MAX} octets"):
        from_file(file_with(tmp_path, "#" * (FILE_OCTETS_MAX + 1)))
    assert from_file(file_with(tmp_path, "#" * FILE_OCTETS_MAX)) == Settings(data_dir=tmp_path / "var")
    with pytest.raises(SettingsError, match="nested too deeply"):
        from_file(file_with(tmp_path, "users = " + "[" * 100_000))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        from_file(tmp_path / "nowhere")


@pytest.mark.parametrize("limits", [{"colour": 1}, {"sessions": 0}, {"sessions": "3"}, {"sessions": True}])
def test_a_wrong_limit_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="limit"):
        make_limits(Settings(limits=limits))


def test_all_wrong_limits_are_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        make_limits(Settings(limits={"colour": 1, "sessions": 0, "message-depth": 257, "lockout-s": 1}))
    assert [fault.split("'")[1] for fault in caught.value.faults] == ["colour", "sessions", "message-depth"]


def test_all_wrong_options_of_translators_are_said_at_once(tmp_path: Path) -> None:
    text = "[translator.other]\n[translator.strongswan]\nkernel = 1\ncolour = 2\nretry-max = 0.5"
    with pytest.raises(SettingsError) as caught:
        make_translators(from_file(file_with(tmp_path, text)))
    words = ("'other' is installed", "kernel: 1 is not", "no key 'colour'", "retry-max: 0.5 is less")
    assert len(caught.value.faults) == len(words)
    assert all(word in fault for word, fault in zip(words, caught.value.faults, strict=True))


@pytest.mark.parametrize("place", ["no_such_package:make", "agent.settings:no_such_name", "agent.settings:"])
def test_a_translator_of_a_stale_installation_is_a_fault_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    stale = EntryPoint("stale", place, from_settings.TRANSLATORS)
    monkeypatch.setattr(from_settings, "entry_points", lambda group: [stale])
    if place.endswith(":"):
        monkeypatch.setattr(EntryPoint, "load", lambda _self: compile("(", "made_up.py", "exec"))
    for task in (Task.RUN, Task.CHECK, Task.UNPROTECT):
        (fault,) = faults_of(Settings(data_dir=tmp_path), task)
        assert fault.startswith(f"the translator 'stale' cannot be loaded ({place}: ")


def test_settings_of_a_translator_that_is_not_installed_are_refused(tmp_path: Path) -> None:
    settings = from_file(file_with(tmp_path, "[translator.strongswna]\nretry-max = 5"))
    with pytest.raises(SettingsError, match=r"'strongswna' is installed; installed are: strongswan"):
        make_translators(settings)


@pytest.mark.parametrize(
    "text",
    ["", "8300", "host:", ":8300", "host:x", "host:65536", "host:+1", "host:\u0663", "a b:1", "[]:1"],
)
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"ADDR:PORT$"):
        parse_address(text)


@pytest.mark.parametrize("text", [":::8300", "::1:8300", "[::1:8300", "::1]:8300", "[[::1]]:8300"])
def test_an_ipv6_address_has_its_brackets(text: str) -> None:
    with pytest.raises(SettingsError, match=r"an IPv6 address stands in brackets, \[ADDR\]:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "256.1.1.1:8", "1.2.3:8", "12:8", "1.2.3.4.:8", "a..b:8", "-a:8", "a_b-.c:8", "*:8", "a/b:8",
        "\u2024:8", f"{'x' * 64}:8", f"{'x.' * 127}xx:8", "[::1::]:8", "[12345::]:8", "[::g]:8",
        "[1.2.3.4:]:8",
    ],
)  # fmt: skip
def test_what_is_neither_an_address_nor_a_name_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is neither an IP address nor the name of a host$"):
        parse_address(text)


@pytest.mark.parametrize("text", ["0.0.0.0", "localhost", "gw-1.example.", "b\u00fccher.example", "_x", "1a"])
def test_what_can_be_an_address_or_a_name_is_taken(text: str) -> None:
    assert parse_address(f"{text}:830") == (text, 830)


def test_addresses() -> None:
    found = {text: parse_address(text) for text in ("[::]:0", "[fe80::1%eth0]:830", "here.example:65535")}
    assert list(found.values()) == [("::", 0), ("fe80::1%eth0", 830), ("here.example", 65535)]


def test_the_example_shows_every_limit_with_its_default() -> None:
    example = from_file(Path(__file__).parents[2] / "examples" / "gateway" / "settings.toml")
    assert set(example.limits) == {f.name.replace("_", "-") for f in dataclasses.fields(Limits)}
    assert make_limits(example) == Limits()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "{folder}/var/netconf.sock"),
        ('data-dir = "data"', "{folder}/data/netconf.sock"),
        ('data-dir = "/var/lib/yangswan"', "/run/yangswan/netconf.sock"),
        ('data-dir = "/var/lib/yangswan/"', "/run/yangswan/netconf.sock"),
        ('socket = "s"', "{folder}/s"),
        ('socket = "/tmp/s"\ndata-dir = "/var/lib/yangswan"', "/tmp/s"),
        ('socket = ""', None),
    ],
)
def test_where_the_socket_is(tmp_path: Path, text: str, path: str | None) -> None:
    file = file_with(tmp_path, text)
    found = from_file(file).socket_path
    assert found == (None if path is None else Path(path.format(folder=tmp_path)))


@pytest.mark.parametrize("value", ["1", "0", "false", "[]", '"a\\u0000b"', "{}"])
def test_a_socket_that_is_no_name_is_refused(tmp_path: Path, value: str) -> None:
    file = file_with(tmp_path, f"socket = {value}\n")
    with pytest.raises(SettingsError, match="the setting 'socket' must "):
        from_file(file)


@pytest.mark.parametrize("value", ["1", '""'])
def test_a_group_of_the_socket_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    file = file_with(tmp_path, f"socket-group = {value}\n")
    with pytest.raises(SettingsError, match="the setting 'socket-group' must "):
        from_file(file)
