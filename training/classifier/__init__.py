"""The multi-task product classifier: images and text in, every label and one embedding out.

What belongs here: reading the catalogue for it, its network, its training, its evaluation, its
predictions and the published product embeddings. How models are kept is `training.registry`.
"""
