"""What of tunnels, charon and certificates is measured: rows from the model to metrics. Pure."""

from __future__ import annotations

from agent.measures import Kind, Metric, Reading, Table
from translators.strongswan.model import CERTIFICATE_STATE_ROOT, DAEMON_ROOT, LIST_PATH
from translators.strongswan.status.operational import SA_MARKS

NAMES_OF_TUNNEL = {"description": "description", "peer": "peer"}
SA = "state/child-sa"


def _carried(name: str, leaf: str, what: str) -> Metric:
    return Metric(
        name,
        f"{what} through the tunnel by all CHILD_SAs that it had, as far as they were seen.",
        leaf,
        kind=Kind.COUNTER,
        each=SA,
        marks=SA_MARKS,
    )


def _counted(name: str, leaf: str, what: str) -> Metric:
    said = f"How often {what}, since the agent watches it."
    return Metric(name, said, f"state/counters/{leaf}", kind=Kind.COUNTER)


TUNNELS = Table(
    LIST_PATH,
    labels={"id": "id"},
    metrics=(
        Metric(
            "yangswan_tunnel_up",
            "Whether the tunnel carries traffic; 0 too for one that is not enabled.",
            "state/status",
            reading=Reading.IS,
            means="installed",
            labels=NAMES_OF_TUNNEL,
        ),
        Metric(
            "yangswan_tunnel",
            "What the tunnel is called and whom it leads to, to be joined by id.",
            kind=Kind.INFO,
            labels=NAMES_OF_TUNNEL,
        ),
        Metric("yangswan_tunnel_enabled", "Whether the tunnel is configured to be there.", "enabled"),
        Metric(
            "yangswan_tunnel_status",
            "The execution status of the tunnel, 1 for the one that it has.",
            "state/status",
            kind=Kind.STATES,
            states=("down", "connecting", "ike-established", "installed", "retransmission"),
        ),
        Metric(
            "yangswan_tunnel_last_change_timestamp_seconds",
            "When the tunnel last went up or down. Absent: it never did.",
            "state/since",
            reading=Reading.MOMENT,
        ),
        Metric(
            "yangswan_tunnel_last_rekey_timestamp_seconds",
            "When the CHILD_SA in use was negotiated, first or anew. Absent: there is none.",
            "state/time-since-rekey",
            reading=Reading.AGO,
        ),
        Metric(
            "yangswan_tunnel_last_failure_timestamp_seconds",
            "When the tunnel last failed. Absent: it never did.",
            "state/last-error/time",
            reading=Reading.MOMENT,
        ),
        _carried("yangswan_tunnel_receive_bytes", "bytes-in", "Octets received"),
        _carried("yangswan_tunnel_transmit_bytes", "bytes-out", "Octets sent"),
        _carried("yangswan_tunnel_receive_packets", "packets-in", "Packets received"),
        _carried("yangswan_tunnel_transmit_packets", "packets-out", "Packets sent"),
        _counted("yangswan_tunnel_ups", "ups", "the tunnel went up"),
        _counted("yangswan_tunnel_downs", "downs", "the tunnel went down"),
        _counted("yangswan_tunnel_rekeys", "rekeys", "a CHILD_SA of the tunnel was rekeyed"),
        _counted(
            "yangswan_tunnel_retransmissions",
            "retransmissions",
            "a request was sent again because the peer had not answered",
        ),
        Metric(
            "yangswan_tunnel_failures",
            "How often a negotiation failed or the peer was given up, by reason, since the agent watches it. "
            "Absent: not for this reason.",
            "times",
            kind=Kind.COUNTER,
            each="state/counters/failure",
            labels={"reason": "reason"},
        ),
    ),
)

DAEMON = Table(
    DAEMON_ROOT,
    metrics=(
        Metric("yangswan_daemon_up", "Whether charon can be reached and answers.", "connected"),
        Metric(
            "yangswan_daemon",
            "Which charon it is, and who runs it.",
            kind=Kind.INFO,
            labels={"version": "version", "backend": "backend"},
        ),
        Metric(
            "yangswan_daemon_start_time_seconds",
            "When charon was started.",
            "started-at",
            reading=Reading.MOMENT,
        ),
        Metric("yangswan_daemon_ike_sas", "IKE SAs that charon has, of whatever tunnel.", "ike-sas/total"),
        Metric(
            "yangswan_daemon_half_open_ike_sas",
            "IKE SAs that are only being negotiated.",
            "ike-sas/half-open",
        ),
    ),
)

CERTIFICATES = Table(
    CERTIFICATE_STATE_ROOT,
    metrics=(
        Metric(
            "yangswan_certificate_expiry_timestamp_seconds",
            "When a configured certificate ends.",
            "not-after",
            reading=Reading.MOMENT,
            each="certificate",
            labels={"name": "name"},
        ),
        Metric(
            "yangswan_crl_next_update_timestamp_seconds",
            "Until when a configured list of revoked certificates is in force.",
            "next-update",
            reading=Reading.MOMENT,
            each="crl",
            labels={"name": "name"},
        ),
    ),
)

TABLES = (TUNNELS, DAEMON, CERTIFICATES)
