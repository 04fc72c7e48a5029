"""What MLflow runs to load a classifier."""

from training import registry
from training.classifier.files import predictor

registry.serve(predictor)
