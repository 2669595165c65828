"""Models as they come to a machine: which there are, which are here, how the others are downloaded. No torch.

Nothing here goes to the network but ``listing`` and ``fetching``, which run when a person asks for a model.
"""
