"""Data sets: pictures with labels from files or from the generator, and batches of them."""
