"""Grids by their coordinates, and maps of fields between them.

| module | has |
|---|---|
| `axis` | where the values of an axis are, and the axis of half or twice its spacing |
| `shapes` | how many values halved axes have |
| `levels` | the axes of what a data file holds, in time and space, at every level |
| `weights` | a map along one axis as a matrix, without torch |
| `maps` | restriction and interpolation of tensors |

Nothing here goes by indices: the generated frame 2k + 1 of a grid twice as fine is of the same time
as frame k of the coarse one, its point 2j of the same place as point j, and its cells 2j and 2j + 1
make up cell j.
"""
