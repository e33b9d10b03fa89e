"""Manual pages and completion, behind script/build-man.

What the programs take stands in their argparse parsers, and is read there (``parsers``, ``programs``); what
settings mean stands in docs/settings.md, and what neither says in packaging/man/pages.md. ``markdown`` turns
Markdown into ``roff``, ``pages`` makes the pages, ``bash`` and ``zsh`` the completion. Nothing of what a page
says stands here. A construct that none of them knows is an error, and is never left out.
"""
