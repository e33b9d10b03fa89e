"""Keeps packets of tunnels from passing in clear, and lets past what no tunnel is to take.

- ruleset: what is dropped and let pass -> the text that nft reads, and what it says of its counters; pure
- nft: runs nft
- firewall: what is in force in the kernel
- rules: policy rules of routing, by which bypassed networks keep out of a TUN device
- shunts: the same for a charon whose packets the kernel encrypts
- watch: hears that somebody else changed the rules
- keeping: puts all of it in force before a change is made, and out of force after it

Invariants. What is in force follows from the configuration alone, and stays in force when the agent or
charon ends, however they end. A drop is there before its tunnel is, and goes after it. Each change of the
rules is one transaction of the kernel: there is no moment in which half of them are in force.

Not here: which packets those are (translation/guards).
"""
