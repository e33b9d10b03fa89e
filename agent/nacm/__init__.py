"""Access control (RFC 8341): who may do, read, change and be told what.

rules reads ``/nacm`` into plain values; access decides, first match wins, and says which rule it was;
prune takes out of a tree what its reader may not see. A decision is a value with a reason in words, so that
a refusal, the log and the explain-access rpc all say the same.
"""
