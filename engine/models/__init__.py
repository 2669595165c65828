"""The networks of ACE-Step 1.5, written natively in PyTorch. Only loading.py and text.py read files."""
