"""Tiles for web maps and QGIS: imagery as pictures, labels as vector tiles."""
