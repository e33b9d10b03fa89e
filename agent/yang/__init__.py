"""libyang, behind one door.

Nouns: a Schema is a context and a Python mirror of its nodes; a Tree owns a forest of data and frees
it; a Node is a bare pointer into a Tree and never outlives the function that got it; a Unit is the
outermost list entry (or leaf) on a path, the piece in which configuration is compared and replaced.

Files, from the ground up:

- gate, native: who is inside libyang; the C API: native alone imports libyang and cffi, and nobody outside of
  this package imports it
- lookup: a node found in a tree, by one thread at a time
- worker, beside: the threads that call libyang, and one that does so while the one that writes works
- paths: how paths are written
- prefixed: values and XPaths with the declarations that a client wrote them under, read by libyang
- schema_node, modules, mirror, schema: a node of the mirror, modules loaded, the mirror made, and the whole
- problems, expected: libyang's errors as RpcErrors; what a type takes, in words
- nodes, tree: what lies around a node and in it, and how it is written; the data, and its primitives
- annotations, merging, cases, repeated, difference: what is noted at data and put together, what of it cannot
  stand together, and what two states of it differ in
- finding: an entry by its keys, and what an XPath selects
- leaf_lists, implicit: defaults of leaf-lists, merged and reported; which defaults are in use
- json_forms: how JSON writes the values of a leaf
- expressions, values: what a value may look like; whether it fits its type, from a client's form to the
  canonical one, and back
- units, many, standing, locality: units; many of them at once; in which order entries stand; which modules
  can be validated unit by unit, and in which defaults depend on others
- validate, violations, piecewise, completing: libyang's verdict, and every rule that is broken; many units,
  and a whole configuration with many entries, validated in pieces, on two threads
- wording, invocation: libyang's words for input in ours; rpcs, actions and notifications

Rules: two threads call libyang, another beside the one that writes, and the event loop for what is short. One
of them at a time changes a tree, and nobody reads it meanwhile; many may read one. Where they do, nodes are
looked up by lookup alone. Names of
data are parsed strictly; opaque nodes and LYB are never used (they crash the binding or the library), a NUL
is refused before it could cut a document short, and every tree, buffer and set is freed here.
"""
