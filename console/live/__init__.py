"""What is looked at until Ctrl-C, and what is done to tunnels that are looked at.

control: restart, initiate, terminate. following: a monitor or a log of the server, ended whatever ends the
command; monitor and log are its two. watch: the table of tunnels that follows notifications, on feed
(bounded and on a thread), followed (what is known; pure) and picture (only what changed is drawn; pure).
ending: signals. commands joins them all. What waits is bounded here; what a slow terminal does not take
stays on the server, which says how much it dropped.
"""
