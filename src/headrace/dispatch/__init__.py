"""Dispatch: the only act that touches the network. Batches go in, outcomes come out, and every request pays."""
