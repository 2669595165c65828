"""acetui-nano: a tiny model of ACE-Step's shape, and the music it is trained on, all made here."""
