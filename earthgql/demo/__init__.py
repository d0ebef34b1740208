"""The demo's imagery: generated landscapes as files."""
