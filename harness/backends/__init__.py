"""What answers requests: live, from the store alone, and later as batches. Only user of the SDK."""
