"""Adapters: small files that change a model's weights (facts: checkpoints.md 10; docs/adapters.md).

``naming`` knows how their tensors are called, ``reading`` what a file holds and whether it fits a model (neither needs
torch), ``arithmetic`` what becomes of a weight, and ``wearing`` puts a stack of them on a model and takes it off again.
"""
