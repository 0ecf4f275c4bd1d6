"""Records of the atmosphere: where they come from, how they are read, where they are kept.

`download` and `cache` get whole files, `stores` reads Zarr stores, `cds` asks the Climate Data
Store, `dialects` reads whatever file came, `space` cuts regions, `record` writes the one format
that samples are cut from, and `stand_in` makes a record where there is none.
"""
