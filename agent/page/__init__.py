"""The web page: its files, who logs in to it, and what it is sent as things happen.

A Starlette application behind the door of RESTCONF, by which the page does all else that it does. What it
may see and do is what its user may: each stream has sessions of its own on whose behalf the handlers of
NETCONF's subscriptions run.

- app: the routes; beside: which requests are the page's and which RESTCONF's, and what every answer says
- files: what is served, read at the start; no path of a request reaches the file system
- sessions: who has logged in, pure; times are arguments
- events: one stream of a tab; selected: what it subscribes to, pure; written: notifications as JSON, in
  pieces, so that many tunnels keep nobody waiting

Invariants: nothing of the page comes from elsewhere, and no page of elsewhere may ask for anything here that
takes a login. One event is written after the other. What belongs to a session ends with it.
"""
