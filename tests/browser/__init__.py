"""The web page in a real browser: Debian's chromium, driven by playwright, with axe-core looked at in it.

``chromium`` starts the browser, ``watch`` notes what a page does that none of ours may do (a line of the
console, a request to another machine), ``visits`` opens the page as somebody, ``axe`` looks for what is not
accessible, ``served`` is the agent behind the page, and ``relay`` a way to it that can be cut.
tests/real/test_page.py has the page on tunnels that live.
"""
