"""What is measured: each function takes a Site and yields Rows. All tunnels are there when it is called, and
when it is done, except for ``changes.load``, which brings them.

- changes: all tunnels loaded and deleted, and the memory that takes; a leaf, a subnet, committed
- reads: all tunnels, one of them, with and without state
- rates: requests in a second, sessions set up, what an idle one costs
- waits: how long another session waits while one asks for much
- starts: a start on what was stored
- syncs: how often a commit waits for the disk
- on_charon: what is loaded into a charon, and live tunnels
- delays: how long after an event of charon each door tells of it
- subscribers, crowd: what hundreds of them cost, and how late the last one hears
"""
