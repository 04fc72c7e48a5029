"""The ranker: which campaign a customer wants now, by a siamese network and a triplet loss."""
