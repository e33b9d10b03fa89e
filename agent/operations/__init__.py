"""One handler per NETCONF operation.

A handler gets the Context, the Caller and the checked operation element, and returns the body of the
``<rpc-reply>`` (b"" means ``<ok/>``). It raises RpcError or RpcErrors; nothing of the wire is known here.
"""
