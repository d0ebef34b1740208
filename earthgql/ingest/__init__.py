"""Imagery into the database: one source becomes one scene with its tiles.

1. ``raster_source``, ``pyramid_source`` and ``mbtiles_source`` implement ``SceneSource`` of
   ``scene_source``: each describes itself as a scene and lists its tiles in chunks.
   ``picture_folder`` and ``picture_table`` list the pictures of a pyramid, ``picture_sample``
   decodes the first of them, and ``raster_files`` finds the rasters that paths mean.
2. ``tile_rows`` makes rows of the tile table of a chunk.
3. ``store`` writes scene and tiles in one transaction.
"""
