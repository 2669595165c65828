"""How the figures of acetui-nano's model card are measured: tempo, key, style, codec, takes.

The estimators hear audio and nothing else; what was asked for is compared with what they say afterwards. Their own
error is measured on the songs of ``tools.nano.music``, whose tempo, key and style are known exactly.
"""
