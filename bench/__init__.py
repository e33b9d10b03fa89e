"""Benchmarks, run by hand: ``python -m bench``. docs/performance.md tells what each row means.

Nouns: a Peer is a server that is measured; a Words is what it is asked in (the namespace of its tunnels); a
Session is one NETCONF session over real SSH, kept by a client that does next to nothing; a Row is what one
measure of one peer gave at one number of tunnels; a Report is all rows of a run, and what it ran on.

Files, from the ground up:

- figures: rows and reports, written and read as JSON; spread: medians and quartiles
- machine, processes: what a run runs on; what a process has used, and how it is ended
- messages: tunnels and requests, as octets that are made before anything is timed
- session: the raw client, an OpenSSH of its own for each session; ears: what comes by itself, and when
- wishes: what the rows are to reach
- site: one peer with so many tunnels, and how work on it is timed
- peers/: the agent, and what is measured beside it
- rows/: what is measured
- options: the words of the command line
- lab: where there is a charon
- run, with_charon, with_doors: peers and rows brought together, without a charon and with one
- table, compare: a report, or two, in lines; curves: reports as a picture

Figures say something against others of the same run. Wall time is of the machine with all that ran on it
then; the time of a processor that the peer's process used is of the peer.
"""
