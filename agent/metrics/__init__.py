"""Metrics for Prometheus: what the agent and its translators know, as families of samples.

- derived (pure): the tables of translators, and what they are about -> families
- figures (pure): what the agent knows of itself -> families
- scraping: one look at everything, which all who ask meanwhile share; its text
- page: the answer to an HTTP request, and the door for it

A look asks each translator once, and there is one look at a time: however many scrape, charon is asked no
more often than one of them would. Nothing in it is secret: rows name what is shown, and there is no row for
a leaf with nacm:default-deny-all. There is no user behind a scrape, so what it shows is for everybody who
reaches the address.
"""
