"""All queries over scenes, tiles, models, scores and jobs; ``sql`` composes and runs them."""
