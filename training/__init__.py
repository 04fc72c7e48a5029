"""Models: ranker, classifier, their evaluation, and the registry that promotes them."""
