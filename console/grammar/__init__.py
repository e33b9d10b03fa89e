"""Lines to what they mean, and back: pure, so that every rule of the command line is a table or a function.

values: the objects that a line becomes. command: commands with a fixed syntax, which other rooms declare.
words: a line to words, values to words. syntax: the syntax of a command as an expression. arcs: what may
stand at a place, and who goes first; walking: words along arcs. Three things have arcs: fixed, commands;
model_words, names of YANG nodes; manual, the table of the router's manual, by rows. typed: words to values
of a YANG type; patterns: regular expressions of YANG, where they are safe. reading: all of it together, for
one server; completing and telling: completion, and help. Back: edits, changes to
<edit-config>, and placing, an error of the server to the columns it is about; mending, to the lines that
would mend it; ruled, what a line breaks of the rules of its module; parts, a part of the configuration by
its words; prefixed, values with names of modules in them; lines, a configuration (configured) to lines, by
written_rows where the manual has words.
"""
