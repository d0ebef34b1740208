"""The labels of Planet's "Understanding the Amazon from Space", in the shipped model's order."""

PLANET_LABELS: tuple[str, ...] = (
    "clear",
    "partly_cloudy",
    "cloudy",
    "haze",
    "primary",
    "agriculture",
    "water",
    "habitation",
    "road",
    "cultivation",
    "bare_ground",
    "blooming",
    "selective_logging",
    "slash_burn",
    "blow_down",
    "conventional_mine",
    "artisinal_mine",  # spelt so in the data set
)
