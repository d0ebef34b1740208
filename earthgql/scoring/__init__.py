"""Scores of tiles: stored ones are looked up, the others inferred and stored.

The modules, in the order in which a tile goes through them:

1. ``service``: ``ScoringService.classify_tiles`` looks up stored scores in one statement. Tiles
   without scores go on; the database connection does not.
2. ``pending``: ``PendingTiles`` keeps one entry per tile, however many requests wait for it.
3. ``admission``: ``Admission`` limits the tiles in flight, or refuses a request: ``OVERLOADED``.
4. ``fair_queue``: ``FairQueue`` serves requests round robin, one tile each; the reader has one,
   the batcher another.
5. ``reader``: ``TileReader`` reads the pixels in a few threads, a limited number ahead.
6. ``batcher``: ``Batcher`` joins the tiles of all requests into batches, whose size ``pace``
   chooses, and has the classifier score them.
7. Back in ``pending`` the tile's entry gets its outcome, and each waiting request is woken;
   ``service`` stores the new scores in one statement and returns all.
"""
