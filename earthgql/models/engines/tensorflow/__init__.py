"""TensorFlow: a bundle's network as one frozen graph."""
