"""What lies between ground and picture: weather, then the sensor."""

from earthgql.landscape.camera.sensor import Sensor, draw_sensor, expose
from earthgql.landscape.camera.weather import Sky, draw_sky, lay_weather

__all__ = ["Sensor", "Sky", "draw_sensor", "draw_sky", "expose", "lay_weather"]
