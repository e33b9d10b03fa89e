"""What clients ask for, an operation at a time.

A handler gets the Context, the Caller and the checked operation element, and returns the body of the
``<rpc-reply>`` (b"" means ``<ok/>``). It raises RpcError or RpcErrors; nothing of the wire is known here.

- dispatch: finds the handler of an operation
- handlers: read, nmda, write, commit, locking, session, subscribe, get_schema, explain, compare,
  compare_commits, load_commit, dry_run, and invoke for the rpcs and actions of translators
- subscriptions: the rpcs of RFC 8639; targets: what a subscription can be to, as those rpcs see it; streams:
  those to event streams; shared: what many are told of an event, looked at once
- datastore_target: subscriptions to datastores (RFC 8641); push_terms: what an rpc says of one; on_change and
  periodic: what they are sent; resync; selection: what one selects, read; watching: each selection that is
  watched for changes, once; publisher: what all of them share
- implicit: an edit of running itself, as RESTCONF has it: edited, and committed at once
- verify: what a commit waits for, and its session
- cut_off: whose session a commit would cut off
- context: what a handler is given; parameters: its input, checked; disclosure: what a refusal may tell
- history: the commits that were made, as state; asked: which of them a filter can select, by the
  conditions in it
- gather: two states of the configuration, from the history; moment: running and the candidate as they were
  at one; comparing: what of two states is told, and where that is worked out; both_sides: a filter on both
- txid: transaction ids on the wire; pruned: a reply without what its client knows by them
- same_rules: what is read again where the rules of access control have changed meanwhile
- readers: where a read is done; small: on the event loop, if it looks at little; one_entry: what is asked for
  most, without a wait or a copy; state: what state belongs to what is read; whole_state: all of a container
  with the state of its entries
- filters: subtree with its budget, xpath with its predicates, and narrow, which cuts down what they look at;
  origin: where a value comes from
"""
