"""How features are laid out over a chip and over a scene."""
