"""Reading back: what became of rows that were sent and not answered, asked by the guarantee of their resource.

One file a strategy; `strategy.py` is their table, `matching.py` decides, `reader.py` asks.
"""
