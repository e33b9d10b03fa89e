"""The YANG modules that a server serves, as a tree of nodes that completion, help and rendering read.

schema: the tree, pure. compiled: YANG texts to the tree, with pyang; types: the type of a leaf; weight:
modules that would become too large are found before. visible: words of a server made harmless. modules:
which modules a server has, and their texts; cache: where the texts are kept. Nothing here knows a module by
its name.
"""
