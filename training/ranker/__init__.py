"""The ranker: which campaign a customer wants now, by siamese networks over pairs' features."""
