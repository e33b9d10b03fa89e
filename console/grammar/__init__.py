"""Lines to what they mean, and back: pure, so that every rule of the command line is a table or a function.

values: the objects that a line becomes. command: commands with a fixed syntax, which other rooms declare.
"""
