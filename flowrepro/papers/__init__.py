"""The papers: one folder each, one module per topic, and the registry that the rest of the program
asks.

paper.py      what a paper declares: citation, subcommands, contents, misprints
topic.py      a topic: cases, computations, claims, figures, tables of one subject
registry.py   cases, claims and figures by subcommand
<key>/        a paper: __init__.py its citation, paper.py its table of contents, one module per
topic
"""
