"""Tables and queue of background jobs."""
