"""The YANG modules that a server serves, as a tree of nodes that completion, help and rendering read.

schema: the tree, pure. Nothing here knows a module by its name.
"""
