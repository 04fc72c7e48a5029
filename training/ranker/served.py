"""What MLflow runs to load a registered ranker; see `training.registry.serve`."""

from training import registry
from training.ranker.fitted import predictor

registry.serve(predictor)
