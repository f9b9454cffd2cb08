"""What the results of a run allow to say: pure functions from records to a Comparison."""
