"""Engines on other machines, through Ray: ``python -m engine.afar ray://HOST:PORT`` speaks the engine protocol here.

Whoever starts an engine process can start this one in its place. It has an actor on a machine of the cluster start the
engine there (``station``), passes messages on, sends sources there and brings takes back (``relay``, ``parcels``).
Ray is an extra, ``acetui[ray]``, and ``cluster`` alone knows it: studio and terminal never load it.
"""
