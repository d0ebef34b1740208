"""Fine-tuning: a bundle for other labels from a few hundred pictures."""
