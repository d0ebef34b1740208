"""Keras: the built-in ResNet50, and networks in and out of bundles."""
