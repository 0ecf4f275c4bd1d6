"""The tables and figures of "Wavelet Diffusion Neural Operator" (arXiv 2412.04833) beside a run's.

- `contents.yaml`: what stands in each, and what its methods are here; :mod:`.contents` reads it;
- `published/`: numbers that belong to no task, or to none of its tables;
- :mod:`.matching`: which methods of a run are a method of the paper;
- :mod:`.evaluated`: what was evaluated, and its numbers;
- :mod:`.comparison`: rows, the paper's and ours; :mod:`.differences`: what differs between them;
- :mod:`.pages`: a page for each table and figure, and an index; :mod:`.writing`: as Markdown, HTML.
"""
