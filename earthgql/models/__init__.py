"""Models: bundles on disk, preprocessing, and the engines that turn pixels into scores."""

from earthgql.models.loading import load_classifier
from earthgql.models.protocol import Classifier, ModelIdentity

__all__ = ["Classifier", "ModelIdentity", "load_classifier"]
