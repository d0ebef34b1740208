"""From imagery to rows: sources list their tiles, ``store`` writes each as one scene."""
