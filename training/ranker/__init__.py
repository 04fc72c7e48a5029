"""The ranker: which campaign a customer wants now, by a siamese network over pairs' features."""
