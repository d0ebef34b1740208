"""Training runs: plan, loop, engines, checkpoints."""
