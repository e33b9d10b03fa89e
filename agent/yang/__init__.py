"""libyang, behind one door.

Nouns: a Schema is a context and a Python mirror of its nodes; a Tree owns a forest of data and frees
it; a Node is a bare pointer into a Tree and never outlives the function that got it; a Unit is the
outermost list entry (or leaf) on a path, the piece in which configuration is compared and replaced.

Rules: nobody else imports libyang or cffi. All calls are made from one thread at a time. Names of data
are parsed strictly; opaque nodes and LYB are never used (they crash the binding or the library), a NUL
is refused before it could cut a document short, and every tree, buffer and set is freed here.
"""
