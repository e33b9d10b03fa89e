"""What a charon of our own is given: its strongswan.conf, and which plugins it loads. Pure.

Paths are relative to the folder that charon runs in: the folder's own path may be longer than a socket
address allows, and may be hidden behind the private /run that charon gets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from translators.strongswan.options import Kernel, Options
from translators.strongswan.translation.revocation import Revocation

CONFIG_FILE = "strongswan.conf"
VICI_SOCKET = "vici.sock"
NOTIFY_SOCKET = "notify.sock"
LOG_FILE = "charon.log"

# In the order in which charon is to register them: the first that provides an algorithm is used.
_CRYPTO = (
    *("random", "nonce", "aes", "sha1", "sha2", "hmac", "kdf"),
    *("gmp", "curve25519", "openssl", "gcm", "ccm", "ctr", "chapoly"),
)
_CERTIFICATES = ("pem", "pkcs1", "pkcs8", "x509", "pubkey", "constraints", "revocation")
FETCHER = "curl"
_OPTIONAL = frozenset((*_CRYPTO[-7:], *_CERTIFICATES, FETCHER)) | {"sha1", "kdf", "error-notify", "counters"}
_PACKAGES = {
    "vici": "strongswan-swanctl",
    "socket-default": "strongswan-libcharon",
    "kernel-libipsec": "libcharon-extra-plugins",
}
_PACKAGE_OF_THE_REST = "libstrongswan"
_MOVED = frozenset({"aes", "sha2", "hmac"})
"""What Debian 13 has in another package than Debian 12, of the plugins that are needed."""


class MissingPlugin(Exception):
    """charon cannot work without this plugin; the text names the Debian package that has it."""

    def __init__(self, plugin: str) -> None:
        package = _PACKAGES.get(plugin, _PACKAGE_OF_THE_REST)
        if plugin in _MOVED:
            package += ", since Debian 13 libstrongswan-extra-plugins"
        super().__init__(f"strongSwan's plugin '{plugin}' is not installed: install the package {package}")
        self.plugin = plugin


def plugins_to_load(installed: Collection[str], kernel: Kernel, *, fetches: bool = True) -> list[str]:
    """Return the plugins for charon's load line; ``fetches`` says whether CRLs may be fetched.

    Raises:
        MissingPlugin: one that is needed is not among ``installed``.
    """
    wanted = _wanted(kernel, fetches=fetches)
    for plugin in _missing(wanted, installed):
        raise MissingPlugin(plugin)
    return [plugin for plugin in wanted if plugin in installed]


def missing(installed: Collection[str], kernel: Kernel) -> list[MissingPlugin]:
    """Return what ``plugins_to_load`` would raise, one after the other."""
    return [MissingPlugin(plugin) for plugin in _missing(_wanted(kernel, fetches=False), installed)]


def _missing(wanted: Iterable[str], installed: Collection[str]) -> Iterator[str]:
    return (plugin for plugin in wanted if plugin not in installed and plugin not in _OPTIONAL)


def _wanted(kernel: Kernel, *, fetches: bool) -> tuple[str, ...]:
    # kernel-libipsec takes ESP before kernel-netlink can; addresses and routes stay with the latter.
    data_path = ("kernel-libipsec",) if kernel is Kernel.LIBIPSEC else ()
    return (
        *_CRYPTO,
        *_CERTIFICATES,
        *((FETCHER,) if fetches else ()),
        *data_path,
        "kernel-netlink",
        "socket-default",
        "vici",
        "error-notify",
        "counters",
    )


def render(plugins: Collection[str], kernel: Kernel, options: Options) -> str:
    """Return the text of strongswan.conf.

    The log stays at level 1: from level 3 on strongSwan writes raw messages, at level 4 keys.
    """
    retransmit = "".join(
        f"    {name} = {value:g}\n"
        for name in ("retransmit_timeout", "retransmit_base", "retransmit_tries")
        if (value := getattr(options, name)) is not None
    )
    # Where the peer itself is in the remote subnet, the route to it would take IKE into the tunnel
    # too; packets of IKE's own socket carry a mark that the route's rule leaves out.
    marks = kernel is Kernel.LIBIPSEC
    return f"""\
charon {{
    load_modular = no
    load = {" ".join(plugins)}
    # A list of one bucket, the default, is searched from end to end for every packet.
    ikesa_table_size = 1024
    ikesa_table_segments = 16
{retransmit}    filelog {{
        main {{
            path = {LOG_FILE}
            append = yes
            flush_line = yes
            time_format = %Y-%m-%dT%H:%M:%S%z
            ike_name = yes
            default = 1
        }}
    }}
    plugins {{
        vici {{
            socket = unix://{VICI_SOCKET}
        }}
        error-notify {{
            socket = unix://{NOTIFY_SOCKET}
        }}
        kernel-libipsec {{
            allow_peer_ts = yes
        }}
        kernel-netlink {{
            {"fwmark = !0x42" if marks else ""}
        }}
        socket-default {{
            {"fwmark = 0x42" if marks else ""}
        }}
    }}
}}
"""


def render_revocation(revocation: Revocation) -> str:
    """Return what follows in strongswan.conf, and may change while charon runs ("reload-settings")."""
    checks = "yes" if revocation.checks else "no"
    return f"""\
charon {{
    plugins {{
        revocation {{
            enable_crl = {checks}
            enable_ocsp = {checks}
            timeout = {revocation.timeout_s}
        }}
    }}
}}
"""
